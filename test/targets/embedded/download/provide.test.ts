import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { preflightEmbedded } from '../../../../src/targets/embedded/preflight.js';
import { pinnedFiles, architectures } from '../../../../src/targets/embedded/download/pins.js';
import {
  providePrograms,
  waysToPrograms,
  type ProgramsQuestion,
} from '../../../../src/targets/embedded/provide.js';
import { embeddedSourceDir } from '../../../../src/targets/open-target.js';
import { startFileServer, type FileServer, type FileServerOptions } from '../../../support/file-server.js';
import { testFolder } from '../../../support/folder.js';
import { prebuild, publish, type Published } from '../../../support/publishers.js';

/** Small programs in the archives of their publishers: what is in them is run by the heavy test of the same name. */
let folder: string;
let published: Published;
let question: ProgramsQuestion;

const serve = async (options: Partial<FileServerOptions> = {}): Promise<FileServer> => {
  const server = await startFileServer({ files: published.paths, ...options });
  onTestFinished(() => {
    server.close();
  });
  question = { ...question, from: server.url };
  return server;
};

const provide = () => providePrograms(question, () => undefined);

beforeEach(async () => {
  folder = await testFolder();
  const names = pinnedFiles('amd64').flatMap(({ programs }) =>
    typeof programs === 'string' ? programs : Object.values(programs),
  );
  const programs = new Map<string, string>();
  for (const name of [...names, 'node', 'image-proxy']) {
    programs.set(name, join(folder, `a-${name}`));
    await writeFile(join(folder, `a-${name}`), `the program ${name}\n`.repeat(2000));
  }
  published = await publish(join(folder, 'published'), programs);
  await mkdir(join(folder, 'no-go'));
  question = {
    cacheDir: join(folder, 'cache'),
    variables: { PATH: join(folder, 'no-go') },
    files: published.files,
    prebuilt: {
      sourceDir: embeddedSourceDir,
      folder: await prebuild(join(folder, 'prebuilt'), Object.fromEntries(programs)),
    },
    needsBuilt: false,
  };
});

describe('providePrograms', () => {
  it('downloads once, also for two that want it, and leaves programs only', async () => {
    const server = await serve();
    const [one, two] = await Promise.all([provide(), provide()]);
    expect(two).toEqual(one);
    expect(server.requests.filter((it) => it.startsWith('GET'))).toHaveLength(published.files.length);
    expect(Object.keys(one.programs).sort()).toEqual((await readdir(join(one.dir, 'bin'))).sort());
    for (const [name, path] of Object.entries(one.programs))
      expect(await readFile(path, 'utf8')).toMatch(new RegExp(`^the program ${name}\n`, 'u'));
    expect((await readdir(one.dir)).sort()).toEqual(['bin', 'build.json']);
  });

  it('takes what Go builds where there is Go, and what was downloaded before', async () => {
    const go = join(folder, 'no-go', 'go');
    await writeFile(go, '#!/bin/sh\necho go version go1.99.0 linux/amd64\n');
    await chmod(go, 0o755);
    expect(await waysToPrograms(question)).toEqual({ way: 'build', own: [] });
    await rm(go);
    expect(await waysToPrograms(question)).toMatchObject({
      way: 'download',
      own: expect.arrayContaining(['etcd', 'ptp']) as string[],
    });
    await serve();
    const { hash } = await provide();
    expect(await waysToPrograms(question)).toMatchObject({ way: 'download', have: { hash } });
  });

  it('unpacks nothing of a file with other contents', async () => {
    const { files } = question;
    const wrong =
      files?.map((it) => ({ ...it, digest: it.digest.replace(/[0-9a-f]{8}$/u, '00000000') })) ?? [];
    question = { ...question, files: wrong };
    await serve();
    await expect(provide()).rejects.toMatchObject({ type: 'download.checksum-mismatch' });
    const [partial = ''] = (await readdir(join(folder, 'cache', 'kubernetes'))).filter((it) => it !== 'lock');
    expect(partial).toMatch(/\.partial$/u);
    expect(await readdir(join(folder, 'cache', 'kubernetes', partial))).toEqual(['archives']);
    expect(await readdir(join(folder, 'cache', 'kubernetes', partial, 'archives'))).toEqual([]);
  });

  it('goes on with what an interrupted call left', async () => {
    const path = Object.keys(published.paths).find((it) => it.includes('/etcd')) ?? '';
    const { [path]: etcd = '', ...others } = published.paths;
    await serve({ files: others });
    await expect(provide()).rejects.toMatchObject({ type: 'download.failed', retryable: false });
    const server = await serve({ files: { ...others, [path]: etcd } });
    await provide();
    expect(server.requests.some((it) => it.startsWith(`GET ${path}`))).toBe(true);
  });

  it('names both ways where neither works: nothing answers', async () => {
    question = { ...question, from: 'http://127.0.0.1:1' };
    await expect(provide()).rejects.toMatchObject({
      type: 'download.failed',
      message: expect.stringMatching(/no `go` on PATH.*127\.0\.0\.1:1/su) as string,
      remedy: expect.stringMatching(/TRACEWRIGHT_KUBERNETES_FROM.*Go/su) as string,
    });
  }, 60_000);

  it.each([
    ['a checkout', {}, /checkout/u],
    ['another processor', { arch: 'riscv64' }, /riscv64/u],
  ])('names both ways where neither works: %s', async (_, place, reason) => {
    const prebuilt = { sourceDir: embeddedSourceDir, folder: join(folder, 'none'), ...place };
    question = { ...question, prebuilt };
    await expect(provide()).rejects.toMatchObject({
      type: 'build.go-missing',
      message: expect.stringMatching(reason) as string,
    });
  });

  it('runs no program of ours that is not the one that was packed', async () => {
    const path = join(folder, 'prebuilt', `linux-${process.arch}`, 'node');
    await writeFile(path, 'something else');
    await expect(provide()).rejects.toMatchObject({
      type: 'build.go-missing',
      message: expect.stringContaining('damaged') as string,
    });
  });

  it('has nothing for a stack whose images are built', async () => {
    await serve();
    question = { ...question, needsBuilt: true };
    await expect(provide()).rejects.toMatchObject({
      type: 'build.go-missing',
      remedy: expect.stringContaining('--stack current') as string,
    });
  });
});

describe('preflightEmbedded without Go', () => {
  const look = () => preflightEmbedded({ name: 'one', stateDir: folder, question });

  it('says what will be downloaded, and wants fewer packages', async () => {
    await serve();
    const checks = await look();
    expect(checks.find(({ name }) => name === 'download')).toMatchObject({ state: 'warning' });
    expect(checks.some(({ name }) => name === 'go')).toBe(false);
  });

  it('fails where that cannot be had', async () => {
    question = { ...question, from: join(folder, 'empty') };
    expect((await look()).find(({ name }) => name === 'download')).toMatchObject({ state: 'failed' });
    question = { ...question, needsBuilt: true };
    expect((await look()).find(({ name }) => name === 'go')).toMatchObject({ state: 'failed' });
  });
});

describe('pinnedFiles', () => {
  it.each(Object.values(architectures))('are complete, and pinned: %s', (architecture) => {
    const files = pinnedFiles(architecture);
    for (const { url, digest } of files) {
      expect(url).toMatch(new RegExp(`^https://.*${architecture}`, 'u'));
      expect(digest).toMatch(/^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/u);
    }
    expect(new Set(files.map(({ digest }) => digest)).size).toBe(files.length);
  });
});
