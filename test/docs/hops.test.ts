import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { failureTypes, type FailureKind } from '../../src/domain/failure.js';
import { grafanaCase, hopCases } from '../proof/support/hop-cases.js';

const page = await readFile(new URL('../../docs/reference/hops.md', import.meta.url), 'utf8');

/** By title, what the terminal shows of the case: type and message, cure, evidence. */
const shown = new Map(
  [...page.matchAll(/^### (.+)\n\n```text\n((?:(?!```).*\n)+)```$/gmu)].map(([, title = '', text = '']) => {
    const lines = text.split('\n');
    const after = (sign: string): string[] =>
      lines.flatMap((line) => (line.startsWith(sign) ? line.slice(sign.length) : []));
    return [
      title,
      { message: after('error ').join(), cure: after('  → ').join(), evidence: after('  │ ').join('\n') },
    ];
  }),
);

/** `HotROD is scaled to 0`, `The collector does not log`: as a heading has it. */
const heading = (title: string): string => title.replace(/^./u, (letter) => letter.toUpperCase());

describe('the page of the hops', () => {
  it.each([...hopCases, grafanaCase])('shows what is really said when $title', (hopCase) => {
    const { title, type, message, remedy, evidence } = hopCase;
    const found = shown.get(heading(title));
    expect(found?.message).toMatch(message);
    expect(found?.message).toContain(`[${type}] `);
    expect(found?.cure).toMatch(remedy);
    for (const line of evidence) expect(found?.evidence).toMatch(line);
  });

  it('tells of no case that is not really broken in a test', () => {
    const titles = [...hopCases, grafanaCase].map(({ title }) => heading(title));
    expect([...shown.keys()].sort()).toEqual(titles.sort());
  });

  it('has every type, with what it stands for', () => {
    const hops = Object.entries<FailureKind>(failureTypes).filter(([type]) => type.startsWith('hop.'));
    for (const [type, { when }] of hops) expect(page).toContain(`## \`${type}\`: ${when}`);
  });
});
