import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  daemonLogPath,
  observeDaemon,
  startDaemon,
  stopDaemon,
  type DaemonSpec,
} from '../../src/tools/daemon.js';
import { logEvidence } from '../../src/tools/log-file.js';
import { identifyProcess } from '../../src/tools/process-identity.js';
import { compile } from '../support/compile.js';
import { testFolder } from '../support/folder.js';
import { containing } from '../support/match.js';

const stayAlive = 'setInterval(() => {}, 1000)';

/** A daemon of node that runs `script`; whatever of it still lives is stopped after the test. */
async function sleeper(script = stayAlive, more: Partial<DaemonSpec> = {}): Promise<DaemonSpec> {
  const place = { folder: join(await testFolder(), 'daemons'), name: 'sleeper' };
  onTestFinished(() => stopDaemon(place, { graceMs: 100 }).then(() => undefined));
  const failure = { type: 'temporal.not-starting', what: 'The sleeper', remedy: 'Look at it.' } as const;
  return {
    ...place,
    program: process.execPath,
    args: ['-e', script],
    version: '1',
    env: {},
    failure,
    ...more,
  };
}

const kill = async (pid: number): Promise<void> => {
  process.kill(pid, 'SIGKILL');
  while (await identifyProcess(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
};

describe('startDaemon', { timeout: 30_000 }, () => {
  it('starts one process however many ask at the same time, in a session of its own, with private files', async () => {
    const spec = await sleeper(undefined, { data: { port: 7233 } });
    const started = await Promise.all([startDaemon(spec), startDaemon(spec), startDaemon(spec)]);
    expect(new Set(started.map(({ pid }) => pid)).size).toBe(1);
    expect(started.filter(({ startedNow }) => startedNow)).toHaveLength(1);
    const pid = started[0].pid;
    const [, , , , group, session] = (await readFile(`/proc/${String(pid)}/stat`, 'utf8')).split(' ');
    expect([group, session]).toEqual([String(pid), String(pid)]);
    for (const file of ['sleeper.json', 'sleeper.log']) {
      expect((await stat(join(spec.folder, file))).mode & 0o777).toBe(0o600);
    }
    expect((await stat(spec.folder)).mode & 0o777).toBe(0o700);
    expect(await observeDaemon(spec)).toMatchObject({
      pid,
      running: true,
      version: '1',
      data: { port: 7233 },
    });
  });

  it('leaves no process and no record after stopDaemon', async () => {
    const spec = await sleeper();
    const { pid } = await startDaemon(spec);
    expect(await stopDaemon(spec)).toBe('terminated');
    expect(await identifyProcess(pid)).toBeUndefined();
    expect(await observeDaemon(spec)).toBeUndefined();
    expect(await stopDaemon(spec)).toBe('gone');
  });

  it('kills a process that ignores SIGTERM, after its time of grace', async () => {
    const spec = await sleeper(`process.on('SIGTERM', () => {}); console.log('deaf'); ${stayAlive}`, {
      isReady: async () => (await logEvidence(daemonLogPath(spec))).includes('deaf'),
    });
    await startDaemon(spec);
    expect(await stopDaemon(spec, { graceMs: 100 })).toBe('killed');
  });

  it('starts it again after kill -9, and tells of the dead one before', async () => {
    const spec = await sleeper(undefined, { data: { port: 7233 } });
    const first = await startDaemon(spec);
    await kill(first.pid);
    expect(await observeDaemon(spec)).toMatchObject({ running: false, data: { port: 7233 } });
    const second = await startDaemon(spec);
    expect(second.startedNow).toBe(true);
    expect(second.pid).not.toBe(first.pid);
  });

  it('replaces a process of another version', async () => {
    const spec = await sleeper();
    const first = await startDaemon(spec);
    const second = await startDaemon({ ...spec, version: '2' });
    expect(await identifyProcess(first.pid)).toBeUndefined();
    expect(second).toMatchObject({ startedNow: true, version: '2' });
  });

  it('replaces a process that no longer becomes ready', async () => {
    const spec = await sleeper();
    const first = await startDaemon(spec);
    const second = await startDaemon({
      ...spec,
      hangTimeoutMs: 50,
      isReady: ({ pid }) => Promise.resolve(pid !== first.pid),
    });
    expect(second.startedNow).toBe(true);
    expect(await identifyProcess(first.pid)).toBeUndefined();
  });

  it('fails with the last lines, and without the secrets, of a process that ends right after its start', async () => {
    const spec = await sleeper('console.error("no such flag, password=hunter22"); process.exit(3)', {
      isReady: () => Promise.resolve(false),
    });
    await expect(startDaemon(spec)).rejects.toMatchObject({
      type: 'temporal.not-starting',
      message: 'The sleeper ended with exit code 3.',
      evidence: ['no such flag, password=[redacted]'],
    });
    expect(await observeDaemon(spec)).toBeUndefined();
  });

  it('fails for a program that is not there', async () => {
    const spec = await sleeper(undefined, { program: '/nowhere/program' });
    await expect(startDaemon(spec)).rejects.toMatchObject({
      message: containing('could not be run'),
    });
  });

  it('ends a process that does not become ready in its time', async () => {
    let pid = 0;
    const spec = await sleeper(undefined, {
      readyTimeoutMs: 100,
      isReady: (daemon) => {
        pid = daemon.pid;
        return Promise.resolve(false);
      },
    });
    await expect(startDaemon(spec)).rejects.toMatchObject({
      message: containing('was not ready within'),
    });
    expect(pid).toBeGreaterThan(0);
    expect(await identifyProcess(pid)).toBeUndefined();
  });

  it('ends nothing when the wait for a running process is interrupted', async () => {
    const spec = await sleeper();
    const { pid } = await startDaemon(spec);
    const wait = startDaemon({
      ...spec,
      isReady: () => Promise.resolve(false),
      signal: AbortSignal.timeout(30),
    });
    await expect(wait).rejects.toMatchObject({ type: 'step.cancelled' });
    expect(await observeDaemon(spec)).toMatchObject({ pid, running: true });
    expect(await startDaemon(spec)).toMatchObject({ pid, startedNow: false });
  });

  it('lets a process go on starting whose starter is interrupted, and waits for it the next time', async () => {
    const spec = await sleeper();
    const interrupt = new AbortController();
    let looks = 0;
    const isReady = (): Promise<boolean> => {
      interrupt.abort();
      looks += 1;
      return Promise.resolve(looks > 3);
    };
    const wait = startDaemon({ ...spec, isReady, signal: interrupt.signal });
    await expect(wait).rejects.toMatchObject({ type: 'step.cancelled' });
    const known = await observeDaemon(spec);
    expect(known?.running).toBe(true);
    // It has not served yet: it does not hang, it starts.
    const next = await startDaemon({ ...spec, isReady, hangTimeoutMs: 1 });
    expect(next).toMatchObject({ pid: known?.pid, startedNow: false });
  });

  it('starts nothing more for a starter that has left already', async () => {
    const spec = await sleeper();
    await expect(startDaemon({ ...spec, signal: AbortSignal.abort() })).rejects.toMatchObject({
      type: 'step.cancelled',
    });
    expect((await observeDaemon(spec))?.running ?? false).toBe(false);
  });

  it('ends nothing for somebody who only looks: neither another version nor a hung process', async () => {
    const spec = await sleeper();
    const { pid } = await startDaemon(spec);
    const isReady = (): Promise<boolean> => Promise.resolve(false);
    const look = { ...spec, version: '2', isReady, hangTimeoutMs: 50, keepRunning: true };
    expect(await startDaemon(look)).toMatchObject({ pid, version: '1', startedNow: false });
    expect(await observeDaemon(spec)).toMatchObject({ pid, running: true });
  });

  it('keeps the record of one that once ran when the next does not start', async () => {
    const spec = await sleeper();
    const { pid } = await startDaemon(spec);
    await kill(pid);
    await expect(startDaemon({ ...spec, program: '/nowhere/program' })).rejects.toMatchObject({
      type: 'temporal.not-starting',
    });
    expect(await observeDaemon(spec)).toMatchObject({ running: false });
  });

  it('survives the process that started it', async () => {
    const spec = await sleeper();
    const starter = spawn(process.execPath, [await compile('test/tools/daemon-starter.ts'), spec.folder]);
    const [said] = (await once(starter.stdout, 'data')) as [Buffer];
    const gone = once(starter, 'exit');
    starter.kill('SIGKILL');
    await gone;
    expect(await startDaemon(spec)).toMatchObject({ pid: Number(said.toString()), startedNow: false });
  });

  it('finds the process of a starter that was killed before it could write the pid', async () => {
    const spec = await sleeper();
    const { pid } = await startDaemon(spec);
    const record = join(spec.folder, 'sleeper.json');
    const stored = JSON.parse(await readFile(record, 'utf8')) as object;
    await writeFile(record, JSON.stringify({ ...stored, pid: 0, startTime: '' }));
    expect(await observeDaemon(spec)).toMatchObject({ pid, running: true });
    expect(await startDaemon(spec)).toMatchObject({ pid, startedNow: false });
    expect(JSON.parse(await readFile(record, 'utf8'))).toMatchObject({ pid });
    await kill(pid);
    expect(await observeDaemon(spec)).toMatchObject({ running: false });
  });

  it('sets a large log aside when it starts', async () => {
    const spec = await sleeper();
    await startDaemon(spec);
    await stopDaemon(spec);
    const log = join(spec.folder, 'sleeper.log');
    await truncate(log, 11 * 1024 * 1024);
    await startDaemon(spec);
    expect((await stat(log)).size).toBe(0);
    expect((await stat(`${log}.1`)).size).toBe(11 * 1024 * 1024);
  });
});
