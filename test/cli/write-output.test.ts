import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { writeOutput } from '../../src/cli/write-output.js';
import { run } from '../../src/tools/process.js';
import { testFolder } from '../support/folder.js';

test('a file that is there is written over only when one says so', async () => {
  const folder = await testFolder();
  const path = join(folder, 'ride.html');
  await writeOutput(path, 'one', false);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await expect(writeOutput(path, 'two', false)).rejects.toMatchObject({ type: 'output.exists' });
  expect(await readFile(path, 'utf8')).toBe('one');
  await writeOutput(path, 'two', true);
  expect(await readFile(path, 'utf8')).toBe('two');
  await expect(writeOutput(join(folder, 'none', 'x'), '', true)).rejects.toMatchObject({
    type: 'output.unwritable',
    message: expect.stringContaining('ENOENT') as string,
  });
});

test('nothing is written for somebody who has pressed Ctrl-C', async () => {
  const folder = await testFolder();
  const writing = writeOutput(join(folder, 'it'), 'it', false, AbortSignal.abort());
  await expect(writing).rejects.toMatchObject({ name: 'AbortError' });
  expect(await readdir(folder)).toEqual([]);
});

// Mounts one.
test.skipIf(process.getuid?.() !== 0)(
  'nothing is left of a file that the disk is too small for (root mounts it)',
  async () => {
    const disk = await testFolder();
    await run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
    onTestFinished(async () => {
      await run('umount', [disk]);
    });
    await expect(writeOutput(join(disk, 'half'), Buffer.alloc(1024 * 1024), false)).rejects.toMatchObject({
      type: 'output.unwritable',
      message: expect.stringContaining('ENOSPC') as string,
    });
    expect(await readdir(disk)).toEqual([]);
  },
);
