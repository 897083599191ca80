import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { transpileModule, ModuleKind, ScriptTarget } from 'typescript';
import { onTestFinished } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

/**
 * Turns a TypeScript file of this repository, and those that it imports, into JavaScript that plain node runs: for
 * tests that kill real processes. `entry` is relative to the repository. The result lies below node_modules, where the
 * packages that it imports are found, and goes when the test ends.
 * @returns the absolute path of the entry's JavaScript
 */
export async function compile(entry: string): Promise<string> {
  const cache = join(root, 'node_modules/.cache');
  await mkdir(cache, { recursive: true });
  const outDir = await mkdtemp(join(cache, 'tracewright-test-'));
  onTestFinished(() => rm(outDir, { recursive: true, force: true }));
  const pending = [join(root, entry)];
  const done = new Set<string>();
  for (let source = pending.pop(); source !== undefined; source = pending.pop()) {
    if (done.has(source)) continue;
    done.add(source);
    const text = await readFile(source, 'utf8');
    const { outputText } = transpileModule(text, {
      compilerOptions: { module: ModuleKind.ESNext, target: ScriptTarget.ES2022, verbatimModuleSyntax: true },
    });
    const target = join(outDir, relative(root, source)).replace(/\.ts$/u, '.js');
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, outputText);
    for (const [, imported = ''] of outputText.matchAll(/from '(\.{1,2}\/[^']+)\.js'/gu)) {
      pending.push(`${resolve(dirname(source), imported)}.ts`);
    }
  }
  await writeFile(join(outDir, 'package.json'), '{"type":"module"}');
  return join(outDir, entry).replace(/\.ts$/u, '.js');
}
