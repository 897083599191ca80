import { cp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { embeddedBuildHash } from '../src/targets/embedded/build/store.js';
import { architectures } from '../src/targets/embedded/download/pins.js';
import { findPrebuilt } from '../src/targets/embedded/download/prebuilt.js';
import { embeddedSourceDir } from '../src/targets/open-target.js';
import { testFolder } from './support/folder.js';
import { packPackage } from './support/installed-package.js';

const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };

it('is not compiled anew by the first npx in its checkout, under whatever runs from it', async () => {
  // npx links the checkout into its cache, and npm prepares what it links.
  const cache = await testFolder();
  const built = await stat('dist/client.js');
  const { stdout } = await execa('npx', ['tracewright', '--version'], { env: { npm_config_cache: cache } });
  expect(stdout).toBe(version);
  expect((await stat('dist/client.js')).mtimeMs).toBe(built.mtimeMs);
  expect(await readdir(cache)).toContain('_npx');
});

it(
  'is packed with what runs and nothing else, and works from another project',
  { timeout: 600_000 },
  async () => {
    const folder = await testFolder();
    await execa('npx', ['--no-install', 'tsx', 'packaging/prebuild.ts']);
    const file = await packPackage(folder);
    await writeFile(join(folder, 'package.json'), '{ "name": "somebody", "private": true }\n');
    await execa('npm', ['install', '--prefer-offline', file], { cwd: folder });
    const installed = join(folder, 'node_modules/tracewright');

    const top = ['CHANGELOG.md', 'LICENSE', 'README.md', 'THIRD_PARTY.md', 'bin', 'dist', 'embedded'];
    const more = ['package.json', 'prebuilt', 'schemas', 'stacks'];
    expect((await readdir(installed)).sort()).toEqual([...top, ...more]);
    const built = await filesIn(join(installed, 'dist'));
    const ofPage = built.filter((path) => /^page\/(?:app\/|file\/|bundled\.json$)/u.test(path));
    for (const path of ['app/index.html', 'file/trace.js', 'file/trace.css', 'bundled.json'])
      expect(ofPage).toContain(`page/${path}`);
    const compiled = built.filter(
      (path) =>
        !/^(?:workflow-bundle(?:-encrypting)?\.js|command-line\.(?:cjs|v8))$/u.test(path) &&
        !ofPage.includes(path),
    );
    expect(built).toEqual(expect.arrayContaining(['command-line.cjs', 'command-line.v8']));
    const sources = (await filesIn('src')).map((path) => path.replace(/\.ts$/u, '.js'));
    expect(compiled).toEqual(sources);
    // The same bytes are the same build, so that both find the one in the cache folder.
    expect(await embeddedBuildHash(join(installed, 'embedded'))).toBe(
      await embeddedBuildHash(embeddedSourceDir),
    );

    // Programs of ours for all processors, as they were built, with the licences of what is linked into them.
    const place = { sourceDir: join(installed, 'embedded'), folder: join(installed, 'prebuilt') };
    for (const arch of Object.keys(architectures))
      for (const program of ['node', 'image-proxy'] as const)
        expect(await findPrebuilt(program, { ...place, arch })).toMatchObject({
          path: join(place.folder, `linux-${arch}`, program),
        });
    const { stderr } = await execa(join(place.folder, `linux-${process.arch}`, 'node'), { reject: false });
    expect(stderr).toContain('usage: node');
    const licences = await filesIn(join(place.folder, 'licences'));
    for (const module of [
      'node/github.com/vishvananda/netlink@',
      'images/github.com/google/go-containerregistry@',
      'go/LICENSE',
    ])
      expect(licences.some((path) => path.startsWith(module))).toBe(true);

    const state = { TRACEWRIGHT_STATE_DIR: join(folder, 'state') };
    const run = async (...args: string[]) =>
      (await execa('npx', ['--no-install', 'tracewright', ...args], { cwd: folder, env: state })).stdout;
    expect(await run('--version')).toBe(version);
    expect(await run('list')).toContain('no environment');

    // Without an installation: npx takes the file itself.
    const elsewhere = await testFolder();
    await cp(file, join(elsewhere, 'tracewright.tgz'));
    const npx = ['--yes', '--prefer-offline', './tracewright.tgz', '--version'];
    expect((await execa('npx', npx, { cwd: elsewhere, env: state })).stdout).toBe(version);
  },
);

/** Paths below `folder`, sorted. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
