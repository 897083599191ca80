import { spawn } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { testFolder } from '../support/folder.js';
import { watchHost } from './host-rows.js';
import { isClean, report, type Row } from './row.js';

/** Without it a check that looks at nothing would be as green. */
describe.skipIf(process.platform !== 'linux')('the residue check', () => {
  it('names a process, its port, and files that were left behind', async () => {
    const stateDir = await testFolder();
    const compare = await watchHost('planted', { stateDir, cluster: { id: 'none' } });
    const program = "require('node:net').createServer().listen(0, '127.0.0.1')";
    const child = spawn(process.execPath, ['-e', program, stateDir], { stdio: 'ignore' });
    const strange = join('/var/tmp', `tracewright-planted-${String(process.pid)}`);
    await writeFile(strange, '');
    await mkdir(join(stateDir, 'environments', 'old', 'logs'), { recursive: true });
    await writeFile(join(stateDir, 'environments', 'old', 'logs', 'tempo.log'), '');
    await mkdir(join(stateDir, 'worker'));
    await writeFile(join(stateDir, 'worker', 'worker.log'), '');
    try {
      const rows = await compare();
      const text = report(rows, {});
      expect(isClean(rows)).toBe(false);
      expect(text).toMatch(new RegExp(`processes: process ${String(child.pid)} `, 'u'));
      expect(text).toMatch(
        new RegExp(`ports of ours: port 127\\.0\\.0\\.1:\\d+ of process ${String(child.pid)}`, 'u'),
      );
      expect(text).toContain(`file ${strange}`);
      expect(text).toContain('files in the state folder: environments/old/logs/tempo.log');
      expect(text, 'what is kept on purpose').not.toContain('worker/worker.log');
    } finally {
      child.kill('SIGKILL');
      await rm(strange);
    }
  });

  it('prints a table that says so when nothing is left', () => {
    const rows: Row[] = [{ part: 'shared', what: 'objects', before: 290, differences: [] }];
    expect(isClean(rows)).toBe(true);
    expect(report(rows, { Event: 'tells of the past' })).toBe(
      [
        'part    looked at  before  difference',
        'shared  objects       290  none',
        '',
        'Nothing is left, gone or changed.',
        '',
        'Left out:',
        '  Event: tells of the past',
      ].join('\n'),
    );
  });
});
