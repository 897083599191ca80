import { cp, mkdir, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { embeddedBuildHash } from '../../../../src/targets/embedded/build/store.js';

let root: string;
let source: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tracewright-hash-'));
  source = join(root, 'embedded');
  await mkdir(join(source, 'kube'), { recursive: true });
  await writeFile(join(source, 'programs.yaml'), 'graphs: []\n');
  await writeFile(join(source, 'kube', 'main.go'), 'package main\n');
});

afterEach(() => rm(root, { recursive: true, force: true }));

describe('embeddedBuildHash', () => {
  it('depends on contents and names, not on the place or the time', async () => {
    const elsewhere = join(root, 'elsewhere');
    await cp(source, elsewhere, { recursive: true });
    await utimes(join(elsewhere, 'kube', 'main.go'), 1, 1);
    expect(await embeddedBuildHash(elsewhere)).toBe(await embeddedBuildHash(source));
    expect(await embeddedBuildHash(source)).toMatch(/^[0-9a-f]{16}$/u);
  });

  it.each([
    ['a changed file', () => writeFile(join(source, 'kube', 'main.go'), 'package main \n')],
    ['a new file', () => writeFile(join(source, 'kube', 'go.sum'), '')],
    ['a removed file', () => rm(join(source, 'kube', 'main.go'))],
    ['a renamed file', () => rename(join(source, 'kube', 'main.go'), join(source, 'kube', 'mainn.go'))],
    ['another catalog', () => writeFile(join(source, 'programs.yaml'), 'graphs: [ ]\n')],
  ])('changes with %s', async (_what, change) => {
    const before = await embeddedBuildHash(source);
    await change();
    expect(await embeddedBuildHash(source)).not.toBe(before);
  });

  it('does not confuse where one file ends and the next begins', async () => {
    await writeFile(join(source, 'a'), 'bc');
    const one = await embeddedBuildHash(source);
    await rm(join(source, 'a'));
    await writeFile(join(source, 'ab'), 'c');
    expect(await embeddedBuildHash(source)).not.toBe(one);
  });

  it.each(['kube/main_test.go', 'kube/testdata/answers.json', 'kube/README.md'])(
    'stays with %s, which no program has',
    async (path) => {
      const before = await embeddedBuildHash(source);
      await mkdir(dirname(join(source, path)), { recursive: true });
      await writeFile(join(source, path), 'more\n');
      expect(await embeddedBuildHash(source)).toBe(before);
    },
  );
});
