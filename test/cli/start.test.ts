import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { testFolder } from '../support/folder.js';

const root = join(import.meta.dirname, '../..');

/** The packages of which something is loaded before the first line of the files runs. */
async function packagesBehind(...files: string[]): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: files.map((file) => join(root, 'src', file)),
    absWorkingDir: root,
    ...{ bundle: true, write: false, metafile: true, splitting: true },
    ...{ platform: 'node', format: 'esm', outdir: '/nowhere', logLevel: 'error' },
  });
  const found = new Set<string>();
  const open = files.map((file) => `src/${file}`);
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (found.has(path)) continue;
    found.add(path);
    const { imports } = metafile.inputs[path] ?? { imports: [] };
    open.push(...imports.filter((it) => it.kind !== 'dynamic-import' && !it.external).map((it) => it.path));
  }
  const names = [...found].map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/u.exec(path)?.[1]);
  return [...new Set(names)].filter((name) => name !== undefined);
}

test('the command line starts without the client of Temporal', async () => {
  const packages = await packagesBehind('client.ts');
  expect(packages).toContain('commander');
  for (const later of ['@temporalio/client', 'protobufjs', 'yaml', 'execa', 'undici'])
    expect(packages).not.toContain(later);
});

test('a look asks the Temporal server, and loads nothing that starts or reaches anything else', async () => {
  const packages = await packagesBehind('client.ts', 'cli/commands/status.ts');
  expect(packages).toContain('@temporalio/client');
  for (const later of ['yaml', 'execa', 'undici', 'ws', 'yauzl', 'tar-stream', '@temporalio/worker'])
    expect(packages).not.toContain(later);
});

test('the command line is read as what it was written as: it is ASCII', async () => {
  const text = await readFile(join(root, 'dist/command-line.cjs'), 'utf8');
  expect(/[\u0080-\uffff]/u.exec(text)).toBeNull();
});

test('code that another Node has kept, or that is none, is not taken', async () => {
  const folder = await testFolder();
  await mkdir(join(folder, 'dist'));
  for (const path of ['bin', 'package.json', 'dist/command-line.cjs'])
    await cp(join(root, path), join(folder, path), { recursive: true });
  const version = (): Promise<string> =>
    execa('node', [join(folder, 'bin/tracewright.js'), '--version']).then(({ stdout }) => stdout);
  const expected = await version();
  expect(expected).toMatch(/^\d+\.\d+\.\d+$/u);
  for (const kept of ['', 'no code', '\0'.repeat(10_000)]) {
    await writeFile(join(folder, 'dist/command-line.v8'), kept);
    expect(await version()).toBe(expected);
  }
});
