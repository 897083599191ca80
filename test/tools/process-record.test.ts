import { execFileSync } from 'node:child_process';
import { mkdir, readdir, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readRecord, writeRecord } from '../../src/tools/process-record.js';
import { testFolder } from '../support/folder.js';

const noDisk = process.getuid?.() === 0 ? '' : ' (skipped: only root can mount a small disk)';

describe('a record', () => {
  it('is written whole, for its owner alone, and half of one is none', async () => {
    const path = join(await testFolder(), 'it.json');
    expect(await readRecord(path)).toBeUndefined();
    writeRecord(path, { pid: 1 });
    writeRecord(path, { pid: 2 });
    expect(await readRecord(path)).toEqual({ pid: 2 });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await truncate(path, 5);
    expect(await readRecord(path)).toBeUndefined();
  });

  it('leaves nothing beside it when it cannot be put in its place', async () => {
    const folder = await testFolder();
    await mkdir(join(folder, 'it.json', 'full'), { recursive: true });
    expect(() => {
      writeRecord(join(folder, 'it.json'), { pid: 1 });
    }).toThrow('it.json');
    expect(await readdir(folder)).toEqual(['it.json']);
  });

  it.skipIf(noDisk !== '')(`leaves nothing on a full disk, and keeps the one before${noDisk}`, async () => {
    const folder = await testFolder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8k', 'tracewright-record', folder]);
    onTestFinished(() => {
      execFileSync('umount', [folder]);
    });
    const path = join(folder, 'it.json');
    writeRecord(path, { pid: 1 });
    await writeFile(join(folder, 'ballast'), Buffer.alloc(4_096));
    expect(() => {
      writeRecord(path, { pid: 2 });
    }).toThrow('ENOSPC');
    expect(await readdir(folder)).toEqual(['ballast', 'it.json']);
    expect(await readRecord(path)).toEqual({ pid: 1 });
  });
});
