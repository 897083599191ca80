import { watch } from 'node:fs';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { checkKernelLimits, makeRoom } from '../../src/targets/kernel-limits.js';
import { checkMemory } from '../../src/targets/limits.js';
import { testFolder } from '../support/folder.js';

const instances = 'fs/inotify/max_user_instances';
let proc: string;

/** What the kernel says, in files that it does not write. */
async function says(files: Readonly<Record<string, string | number>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(proc, path)), { recursive: true });
    await writeFile(join(proc, path), String(text));
  }
}

const limitOf = (path: string): Promise<string> => readFile(join(proc, 'sys', path), 'utf8');

/** A limit that no one may write, root included: the number of the last capability, 40 and some. */
async function fixLimit(path: string): Promise<void> {
  await rm(join(proc, 'sys', path));
  await symlink('/proc/sys/kernel/cap_last_cap', join(proc, 'sys', path));
}

/** This process, as the kernel sees it, holds so many instances more. */
async function holdInotify(count: number): Promise<void> {
  await symlink(`/proc/${String(process.pid)}`, join(proc, String(process.pid))).catch(() => undefined);
  // All watchers of a process share one instance: others are seen as one that holds the same.
  for (let index = 0; index < count; index += 1) {
    await mkdir(join(proc, String(900_000 + index), 'fd'), { recursive: true });
    await symlink('anon_inode:inotify', join(proc, String(900_000 + index), 'fd', '7'));
  }
}

beforeEach(async () => {
  proc = await testFolder();
  await says({
    [`sys/${instances}`]: 128,
    'sys/fs/inotify/max_user_watches': 192_536,
    'sys/fs/file-max': 2_466_186,
    'sys/fs/file-nr': '2526\t0\t2466186',
    'sys/kernel/threads-max': 192_536,
    'sys/kernel/pid_max': 32_768,
    loadavg: '0.10 0.20 0.30 2/1700 28887',
    meminfo: 'MemTotal: 24680000 kB\nMemAvailable: 20000000 kB\n',
  });
});

describe('the limits of the kernel', () => {
  test('of a default machine leave room', async () => {
    expect(await checkKernelLimits(proc)).toBeTypeOf('string');
    const said: string[] = [];
    await makeRoom((text) => said.push(text), proc);
    expect(said).toEqual([]);
    expect(await limitOf(instances)).toBe('128');
  });

  test('are raised when the next environments would find no room, and it is said', async () => {
    await holdInotify(110);
    expect(await checkKernelLimits(proc)).toMatchObject({ state: 'warning' });
    expect(await limitOf(instances)).toBe('128');
    const said: string[] = [];
    await makeRoom((text) => said.push(text), proc);
    expect(await limitOf(instances)).toBe('8192');
    expect(said).toEqual([expect.stringMatching(/inotify\.max_user_instances to 8192.* 128.* 110 /u)]);
    expect(await checkKernelLimits(proc)).toBeTypeOf('string');
  });

  test.each([
    [instances, 12, {}],
    ['fs/file-max', 0, { 'sys/fs/file-nr': '2526\t0\t2466186' }],
    ['kernel/pid_max', 0, { loadavg: '0.10 0.20 0.30 2/32500 28887' }],
    ['kernel/threads-max', 0, { loadavg: '0.10 0.20 0.30 2/32500 28887' }],
  ])('that cannot be raised end the start at once: %s', async (path, held, files) => {
    await says(files);
    await holdInotify(held);
    await fixLimit(path);
    const failure = {
      type: 'host.limits',
      remedy: expect.stringContaining(`sudo sysctl ${path.replaceAll('/', '.')}=`) as string,
    };
    await expect(checkKernelLimits(proc)).rejects.toMatchObject(failure);
    await expect(makeRoom(() => undefined, proc)).rejects.toMatchObject(failure);
  });

  test('that cannot be raised do not matter while there is room for one more', async () => {
    await fixLimit(instances);
    expect(await checkKernelLimits(proc)).toBeTypeOf('string');
    await makeRoom(() => undefined, proc);
  });

  test('count the instances of a real process', async () => {
    const watcher = watch(proc);
    onTestFinished(() => {
      watcher.close();
    });
    await fixLimit(instances);
    // With 32 for the environment, all are taken; the one of the watcher is one too many.
    await holdInotify(Number(await limitOf(instances)) - 32);
    await expect(checkKernelLimits(proc)).rejects.toMatchObject({ type: 'host.limits' });
  });
});

describe('memory', () => {
  test('that others have taken is not there for another environment', async () => {
    await says({ meminfo: 'MemTotal: 24680000 kB\nMemAvailable: 900000 kB\n' });
    await expect(checkMemory(false, proc)).rejects.toMatchObject({ type: 'host.limits' });
    await checkMemory(true, proc);
  });

  test('that is left is enough', async () => {
    expect(await checkMemory(false, proc)).toBeTypeOf('string');
  });
});
