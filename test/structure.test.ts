import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ESLint } from 'eslint';
import { describe, expect, test } from 'vitest';
import { cyclesOf, readImports } from './support/imports.js';

const root = join(import.meta.dirname, '..');
const imports = await readImports(join(root, 'src'));
const lines = new Map(
  await Promise.all(
    [...imports.keys()].map(async (file): Promise<[string, number]> => {
      const text = await readFile(join(root, 'src', file), 'utf8');
      return [file, text.split('\n').length - 1];
    }),
  ),
);

/** Small files with one importer that stand by themselves, and why. */
const mayBeSmall: ReadonlyMap<string, string> = new Map([
  ['activities/lost-attempts.ts', 'a promise to the server of its own, with its own test'],
  ['cli/commands/up.ts', 'every command has its file'],
  ['cli/serve-traces.ts', 'loaded only by `open traces`: no other command waits for it'],
  ['cli/views/trace-page.ts', 'every view has its file'],
  ['targets/kubeconfig/target.ts', 'every kind of target has its folder'],
  ['temporal/bundle-workflows.ts', 'a program of the build'],
  ['workflows/index.ts', 'what the bundle exports'],
]);

describe('imports', () => {
  test('make no cycle, not even one of types', () => {
    expect(cyclesOf(imports)).toEqual([]);
  });

  test('are linted by the arrows of docs/architecture.md', async () => {
    const text = await readFile(join(root, 'docs', 'architecture.md'), 'utf8');
    const arrows = [...text.matchAll(/^\| `src\/(?<part>[^`]+?)\/?` .*\|(?<names>[^|]*)\|$/gmu)].map(
      ({ groups: { part = '', names = '' } = {} }): [string, string[]] => [part, quoted(names)],
    );
    const linted = new Map(
      (await zones()).map(({ target, except }) => [target.replace('./src/', ''), except]),
    );
    expect(arrows.length).toBeGreaterThan(10);
    for (const [part, others] of arrows)
      expect(linted.get(part)?.toSorted(), part).toEqual([part, ...others].sort());
    const parts = [...imports.keys()].map((file) => file.split('/')[0] ?? '');
    expect([...new Set(parts)].filter((part) => !linted.has(part))).toEqual([]);
  });

  test.each([
    ['domain/plan.ts', "export { mask } from '../tools/redact.js';", 'import-x/no-restricted-paths'],
    ['temporal/server.ts', "export { ask } from '../cli/ask.js';", 'import-x/no-restricted-paths'],
    ['config.ts', "export { createProgram } from './cli/program.js';", 'import-x/no-cycle'],
  ])('of %s: ESLint refuses %s', async (file, code, rule) => {
    const eslint = new ESLint({
      cwd: root,
      // Types take half a minute, and no rule about imports asks for them.
      overrideConfig: { languageOptions: { parserOptions: { projectService: false } } },
      ruleFilter: ({ ruleId }) => ruleId.startsWith('import-x/'),
    });
    const [result] = await eslint.lintText(code, { filePath: join(root, 'src', file) });
    expect(result?.messages.map(({ ruleId }) => ruleId)).toContain(rule);
  });
});

function quoted(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/gu)].map(([, name = '']) => name);
}

async function zones(): Promise<readonly { target: string; except: readonly string[] }[]> {
  const path = pathToFileURL(join(root, 'eslint.config.js')).href;
  const { default: config } = (await import(path)) as { default: readonly { rules?: object }[] };
  const rule = 'import-x/no-restricted-paths';
  const [options] = config.flatMap(({ rules }) =>
    rules && rule in rules ? [rules[rule] as [string, { zones: Awaited<ReturnType<typeof zones>> }]] : [],
  );
  return options?.[1].zones ?? [];
}

describe('files', () => {
  const least = 60;
  const most = 400;

  test(`have at most ${String(most)} lines`, () => {
    expect([...lines].filter(([, count]) => count > most)).toEqual([]);
  });

  test(`of fewer than ${String(least)} lines are imported by several others, or folded into the only one`, () => {
    const small = [...lines].filter(([file, count]) => count < least && importersOf(file).length === 1);
    // None may be missing either: who folds one strikes it off.
    expect(small.map(([file]) => file).sort()).toEqual([...mayBeSmall.keys()]);
  });
});

function importersOf(file: string): string[] {
  return [...imports].flatMap(([other, imported]) => (imported.has(file) ? [other] : []));
}
