import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  endProcess,
  identifyProcess,
  isAlive,
  type ProcessIdentity,
} from '../../src/tools/process-identity.js';
import { run } from '../../src/tools/process.js';
import { onStart } from '../support/owner.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tracewright-process-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A shell that prints the pid of its grandchild and waits for it; a stubborn one ignores SIGTERM. */
const parent = (stubborn: boolean): string =>
  `${stubborn ? "trap '' TERM; " : ''}sleep 300 & echo $!; wait; sleep 300`;

const failure = (type: string, parts: object = {}): Error =>
  expect.objectContaining({ type, ...parts }) as Error;

describe('run', () => {
  it('gives both outputs, feeds the input and appends to the log', async () => {
    const logFile = join(folder, 'both.log');
    const lines: string[] = [];
    const script = 'read x; echo "out $x"; echo err >&2';
    const result = await run('sh', ['-c', script], {
      input: 'in\n',
      logFile,
      onLine: (line) => lines.push(line),
    });
    expect(result).toMatchObject({ stdout: 'out in', stderr: 'err' });
    expect(lines.sort()).toEqual(['err', 'out in']);
    await expect.poll(() => readFile(logFile, 'utf8')).toContain('out in');
    expect((await stat(logFile)).mode & 0o777).toBe(0o600);
  });

  it('keeps secrets out of the log, and the end of the output in it', async () => {
    const logFile = join(folder, 'clean.log');
    const script = 'printf "NOTES: the admin pass"; sleep 0.1; echo "word: hunter22"; printf "the end"';
    await run('sh', ['-c', script], { logFile });
    await expect.poll(() => readFile(logFile, 'utf8')).toBe('NOTES: the admin password: [redacted]\nthe end');
  });

  it('goes on when its log cannot be written', async () => {
    const lines = 100_000;
    const { stdout } = await run('seq', [String(lines)], { logFile: '/dev/full' });
    expect(stdout.split('\n')).toHaveLength(lines);
  });

  it('tells a failed program with its last lines, without secrets', async () => {
    const script = 'for i in $(seq 20); do echo line $i; done; echo "password=hunter22" >&2; exit 7';
    const failed = run('sh', ['-c', script]);
    await expect(failed).rejects.toThrow(failure('tool.failed'));
    const error = await failed.catch((it: unknown) => it as { message: string; evidence: string[] });
    expect(error).toMatchObject({ message: expect.stringContaining('exit code 7') as string });
    const { evidence } = error as { evidence: string[] };
    expect(evidence).toHaveLength(12);
    expect(evidence.join('\n')).toContain('line 20');
    expect(evidence.join('\n')).not.toContain('hunter22');
  });

  it('names a missing program and what to do', async () => {
    const missing = run('no-such-program-of-ours', [], { missingRemedy: 'Get it somewhere.' });
    await expect(missing).rejects.toThrow(failure('tool.missing', { remedy: 'Get it somewhere.' }));
  });

  it('ends the whole process group at the time limit', async () => {
    let grandchild = 0;
    const slow = run('sh', ['-c', parent(false)], {
      timeoutMs: 300,
      onLine: (line) => (grandchild = Number(line)),
    });
    await expect(slow).rejects.toThrow(failure('tool.timeout'));
    expect(await identifyProcess(grandchild)).toBeUndefined();
  });

  it('on cancellation kills a group that ignores SIGTERM', async () => {
    const abort = new AbortController();
    let grandchild = 0;
    let identity: ProcessIdentity | undefined;
    const stubborn = run('sh', ['-c', parent(true)], {
      signal: abort.signal,
      graceMs: 200,
      owner: onStart((it) => (identity = it)),
      onLine: (line) => {
        grandchild = Number(line);
        abort.abort();
      },
    });
    await expect(stubborn).rejects.toThrow(failure('tool.cancelled'));
    expect(await isAlive(identity as ProcessIdentity)).toBe(false);
    expect(await identifyProcess(grandchild)).toBeUndefined();
  });

  it('ends what outlives the leader of the group and holds its outputs', async () => {
    let member = 0;
    const script = "(trap '' TERM; exec sleep 300) & echo $!";
    const left = run('sh', ['-c', script], {
      timeoutMs: 300,
      graceMs: 200,
      onLine: (line) => (member = Number(line)),
    });
    await expect(left).rejects.toThrow(failure('tool.timeout'));
    expect(await identifyProcess(member)).toBeUndefined();
  });

  it('starts nothing when it was cancelled before', async () => {
    const mark = join(folder, 'mark');
    await expect(run('touch', [mark], { signal: AbortSignal.abort() })).rejects.toThrow(
      failure('tool.cancelled'),
    );
    await expect(stat(mark)).rejects.toThrow('ENOENT');
  });
});

describe('process identity', () => {
  it('does not take a later process with the same pid for the first one', async () => {
    const own = (await identifyProcess(process.pid)) as ProcessIdentity;
    expect(await isAlive(own)).toBe(true);
    const other = { ...own, startTime: String(Number(own.startTime) - 1) };
    expect(await isAlive(other)).toBe(false);
    // If this were wrong, the test would end itself.
    expect(await endProcess(other)).toBe('gone');
  });

  it('ends a process that somebody else started', async () => {
    let identity: ProcessIdentity | undefined;
    const running = run('sleep', ['300'], { owner: onStart((it) => (identity = it)) });
    running.catch(() => undefined);
    await expect.poll(() => identity).toBeDefined();
    await sleep(20);
    expect(await endProcess(identity as ProcessIdentity)).toBe('terminated');
    await expect(running).rejects.toThrow(failure('tool.failed'));
  });
});
