import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../../../src/tools/process.js';
import { buildEmbedded, type BuildOptions } from '../../../../src/targets/embedded/build/build.js';
import type { BuildProgress } from '../../../../src/targets/embedded/build/progress.js';
import {
  buildPlaces,
  embeddedBuildHash,
  findEmbeddedBuild,
  prune,
  type EmbeddedBuild,
} from '../../../../src/targets/embedded/build/store.js';

/** Two graphs that need little more than Go's runtime: cold, a few seconds. */
const catalog = `
graphs:
  - { folder: one, seconds: 3, packages: ['.'], ldflags: '-X main.version=v7' }
  - { folder: two, seconds: 1, packages: [./greeter, ./other] }
noInline: [tracewright/...]
programs: { kube: one/one }
images:
  - tar: greeter
    program: two/greeter
    path: /app/greeter
    links: [/app/hello]
    refs:
      example.org/greeter:v1: { entrypoint: [/app/greeter] }
      example.org/hello:v1: { entrypoint: [/app/hello], user: '1000' }
  - { tar: other, program: two/other, path: /other, refs: { 'example.org/other:v1': { entrypoint: [/other] } } }
`;
const program = (text: string): string =>
  `package main\n\nvar version = "none"\n\nfunc main() { println("${text}", version) }\n`;

// Each build compiles Go's runtime into a cache of its own, on two cores that other tests use as well.
vi.setConfig({ testTimeout: 240_000 });

let root: string;
let options: BuildOptions & { sourceDir: string; cacheDir: string };
let reports: BuildProgress[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tracewright-build-'));
  reports = [];
  options = {
    sourceDir: join(root, 'embedded'),
    cacheDir: join(root, 'cache'),
    onProgress: (report) => reports.push(report),
  };
  const files = {
    'programs.yaml': catalog,
    'one/go.mod': 'module tracewright/one\n\ngo 1.24.0\n',
    'one/main.go': program('one'),
    'two/go.mod': 'module tracewright/two\n\ngo 1.24.0\n',
    'two/greeter/main.go': program('greeter'),
    'two/other/main.go': program('other'),
    'charts/tempo/Chart.yaml': 'name: tempo\n',
  };
  for (const [name, content] of Object.entries(files)) await writeSource(name, content);
});

afterEach(() => rm(root, { recursive: true, force: true }));

async function writeSource(name: string, content: string): Promise<void> {
  const path = join(options.sourceDir, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, content);
}

const programIn = ({ programs }: EmbeddedBuild): string => programs['kube'] ?? '';

const builds = async (): Promise<string[]> => (await readdir(join(options.cacheDir, 'embedded'))).sort();

describe('buildEmbedded', () => {
  it('builds programs, images and charts, and finds them again', async () => {
    expect(await findEmbeddedBuild(options)).toBeUndefined();
    const build = await buildEmbedded(options);
    const { stderr } = await run(programIn(build), []);
    expect(stderr).toBe('one v7');
    expect(build.images.map(({ ref, tar }) => [ref, tar.slice(build.dir.length)])).toEqual([
      ['example.org/greeter:v1', '/images/greeter.tar'],
      ['example.org/hello:v1', '/images/greeter.tar'],
      ['example.org/other:v1', '/images/other.tar'],
    ]);
    for (const { tar } of build.images) expect((await stat(tar)).size).toBeGreaterThan(1_000_000);
    expect(await readFile(join(build.charts, 'tempo', 'Chart.yaml'), 'utf8')).toBe('name: tempo\n');
    // Go's caches and everything half done are gone.
    expect(await builds()).toEqual([build.hash]);
    expect((await readdir(build.dir)).sort()).toEqual(['bin', 'build.json', 'charts', 'images', 'licences']);
    expect(await findEmbeddedBuild(options)).toEqual(build);

    const percents = reports.map(({ percent }) => percent);
    expect(percents).toEqual([...percents].sort((a, b) => a - b));
    expect(percents.at(-1)).toBe(100);
    expect(reports.some(({ program: name, detail }) => name === 'one' && detail === 'runtime')).toBe(true);
    expect([...new Set(reports.map((report) => report.program))]).toEqual(['go', 'one', 'two', 'images']);

    // A damaged build is no build.
    await truncate(build.images[0]?.tar ?? '', 1000);
    expect(await findEmbeddedBuild(options)).toBeUndefined();
  });

  it('makes one build of two calls at once, and nothing when there is one', async () => {
    const both = [options, { ...options, onProgress: () => undefined }];
    const [one, two] = await Promise.all(both.map((each) => buildEmbedded({ ...each, keepGoCaches: true })));
    if (!one) throw new Error('there is no build');
    expect(two).toEqual(one);
    expect(await builds()).toEqual([one.hash, 'go']);
    const { mtimeMs } = await stat(programIn(one));
    reports.length = 0;
    expect(await buildEmbedded(options)).toEqual(one);
    expect((await stat(programIn(one))).mtimeMs).toBe(mtimeMs);
    expect(reports).toEqual([]);
  });

  it('goes on where it was interrupted, and ends Go at once when it is', async () => {
    // The second graph begins while the first is linked, and has enough to compile to be still at it after that.
    await writeSource('two/greeter/main.go', 'package main\n\nimport _ "encoding/json"\n\nfunc main() {}\n');
    const { partial } = buildPlaces(options.cacheDir, await embeddedBuildHash(options.sourceDir));
    const stop = new AbortController();
    const interrupted = buildEmbedded({
      ...options,
      signal: stop.signal,
      onProgress: ({ program: name }) => {
        if (name === 'two' && existsSync(join(partial, 'done', 'one'))) stop.abort();
      },
    });
    await expect(interrupted).rejects.toMatchObject({ type: 'tool.cancelled' });
    const first = await stat(join(partial, 'programs', 'one', 'one'));
    const { stdout } = await run('ps', ['-eo', 'args']);
    expect(stdout).not.toContain(root);

    const build = await buildEmbedded(options);
    expect(reports.filter(({ program: name }) => name === 'one').map(({ detail }) => detail)).toEqual([
      'built before',
    ]);
    expect((await stat(programIn(build))).ino).toBe(first.ino);
    expect(await builds()).toEqual([build.hash]);
  });

  it('rebuilds when a source changes, and removes the older build only once there is a new one', async () => {
    const old = await buildEmbedded(options);
    await writeSource('one/main.go', 'package main\n\nfunc main() { missing() }\n');
    expect(await findEmbeddedBuild(options)).toBeUndefined();
    await expect(buildEmbedded(options)).rejects.toMatchObject({
      type: 'build.compile-failed',
      message: expect.stringContaining('missing') as string,
    });
    expect(await builds()).toContain(old.hash);
    await writeSource('one/main.go', program('new'));
    const build = await buildEmbedded(options);
    // Nor is anything left of the sources that did not compile.
    expect(await builds()).toEqual([build.hash]);
    expect((await run(programIn(build), [])).stderr).toBe('new v7');
  });
});

describe('prune', () => {
  it('leaves the build, the lock and what is in use', async () => {
    const { root: folder } = buildPlaces(options.cacheDir, 'new');
    for (const name of ['new', 'old', 'used', 'half.partial', 'go', 'build.lock', 'build.lock.1-2-abc']) {
      await mkdir(join(folder, name), { recursive: true });
    }
    await prune(options.cacheDir, 'new', [join(folder, 'used')]);
    expect(await builds()).toEqual(['build.lock', 'build.lock.1-2-abc', 'new', 'used']);
    await expect
      .poll(async () => (await readdir(options.cacheDir)).filter((name) => name.startsWith('removed-')))
      .toEqual([]);
  });
});
