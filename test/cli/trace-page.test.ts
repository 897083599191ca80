import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { hitLines } from '../../src/cli/commands/trace.js';
import { createPaint } from '../../src/cli/views/format.js';
import { widthOf } from '../../src/cli/views/text-width.js';
import { renderTracePage } from '../../src/cli/views/trace-page.js';
import type { Trace } from '../../src/domain/trace.js';
import { rideTrace } from '../proof/support/fixtures.js';
import { rawSpan, traceOfSpans } from '../support/spans.js';

/** What the elements of this name hold. */
const contentsOf = (page: string, name: string): string[] =>
  [...page.matchAll(new RegExp(`<${name}[^>]*>([\\s\\S]*?)</${name}>`, 'gu'))].map(([, text = '']) => text);

const traceIn = (page: string): Trace =>
  (JSON.parse(contentsOf(page, 'script')[0] ?? '') as { trace: Trace }).trace;

describe('the file of a trace', () => {
  const ride = rideTrace();

  test('holds the trace, and lets run what it holds and nothing else', async () => {
    const page = await renderTracePage(ride, 'Tracewright 1');
    expect(traceIn(page)).toEqual(ride);
    const [, policy = ''] = /content="(default-src [^"]*)"/u.exec(page) ?? [];
    expect(policy).toMatch(/^default-src 'none'; script-src 'sha256-\S+'; style-src 'sha256-\S+';/u);
    const hash = (text = ''): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    expect(policy).toContain(`script-src ${hash(contentsOf(page, 'script')[1])};`);
    expect(policy).toContain(`style-src ${hash(contentsOf(page, 'style')[0])};`);
    expect(page).not.toMatch(/ (?:src|href|style|on\w+)=/u);
  });

  test('what spans say ends neither the data nor the title', async () => {
    const evil = `</script></title><script>alert(1)</script><!--<script>"'\u001b[2J\u202e`;
    const hostile = traceOfSpans(
      rawSpan('a', 0, 5, undefined, { name: evil, service: evil, attributes: { [evil]: evil } }),
    );
    const page = await renderTracePage(hostile, 'Tracewright 1');
    expect(traceIn(page)).toEqual(hostile);
    expect(page.match(/<script/gu)).toHaveLength(2);
    expect(page).not.toContain('<!--');
    expect(contentsOf(page, 'title')).toHaveLength(1);
  });
});

test.each([[44], [80], [120]])('the hits of a search fit %i columns, ids whole', (columns) => {
  const hit = {
    traceId: 'ab'.repeat(16),
    rootService: 'frontend',
    rootName: `HTTP GET /dispatch ${'x'.repeat(100)}`,
    durationMs: 704,
    startNs: '1700000000000000000',
  };
  const [line = ''] = hitLines([hit], { paint: createPaint(false), columns });
  expect(line).toMatch(/^(?:ab){16} {4}704 ms {2}2023-11-14T22:13:20Z/u);
  expect(widthOf(line)).toBeLessThanOrEqual(Math.max(columns, 64));
});
