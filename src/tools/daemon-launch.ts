import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TracewrightError, type FailureType } from '../domain/failure.js';
import { logEvidence, rotateLog } from './log-file.js';
import {
  daemonMarker,
  daemonRecordPath,
  notYetStarted,
  writeRecord,
  type DaemonPlace,
  type DaemonRecord,
} from './daemon-record.js';
import { endProcess, identifyProcess, isAlive } from './process-identity.js';

export interface DaemonSpec extends DaemonPlace {
  readonly program: string;
  readonly args: readonly string[];
  readonly version: string;
  readonly data?: Readonly<Record<string, string | number>>;
  /** @default the folder of its record */
  readonly cwd?: string;
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** For the files that it makes. @default that of this process */
  readonly umask?: number;
  /** Called under the lock when there is no such process, right before it is started. */
  readonly prepare?: () => Promise<void>;
  /** True once it serves; asked every 20 ms. @default true when it still runs 300 ms after its start */
  readonly isReady?: (daemon: DaemonRecord) => Promise<boolean>;
  /** In milliseconds; a new process that is not ready by then is ended. @default 30000 */
  readonly readyTimeoutMs?: number;
  /** In milliseconds; a process that runs already and is not ready by then counts as hung. @default 10000 */
  readonly hangTimeoutMs?: number;
  /** In milliseconds, between SIGTERM and SIGKILL when one is replaced. @default 10000 */
  readonly graceMs?: number;
  /** The failure when it ends right after its start or does not become ready. `what` begins its message. */
  readonly failure: { readonly type: FailureType; readonly what: string; readonly remedy: string };
  readonly signal?: AbortSignal | undefined;
}

/** In milliseconds. Without `isReady`: a program with a wrong flag or a taken port is gone by then. */
const settleMs = 300;
const pollMs = 20;

/** Starts the process; the caller holds the lock and has made sure that there is none. */
export async function launchDaemon(spec: DaemonSpec): Promise<DaemonRecord> {
  const { program, args, version, data = {} } = spec;
  const nonce = randomBytes(12).toString('hex');
  const startedAt = new Date().toISOString();
  const log = join(spec.folder, `${spec.name}.log`);
  await mkdir(spec.folder, { recursive: true, mode: 0o700 });
  const intent = { pid: notYetStarted, startTime: '', program, args, version, startedAt, data };
  await spec.prepare?.();
  await writeRecord(spec, { ...intent, nonce });
  const logStart = await rotateLog(log);
  const child = await spawnDetached(spec, log, nonce);
  const identity = child.pid === undefined ? undefined : await identifyProcess(child.pid);
  const record = { ...intent, ...identity };
  if (identity) await writeRecord(spec, { ...record, nonce });
  const timeoutMs = spec.isReady ? (spec.readyTimeoutMs ?? 30_000) : settleMs;
  const why = identity ? await untilReady(spec, record, timeoutMs, child.ended) : await child.ended;
  if (why === undefined) {
    child.release();
    return record;
  }
  if (identity) await endProcess(identity, { graceMs: spec.graceMs ?? 10_000 });
  await rm(daemonRecordPath(spec), { force: true });
  throw new TracewrightError({
    type: spec.failure.type,
    message: `${spec.failure.what} ${why}.`,
    remedy: `${spec.failure.remedy} Its log is ${log}.`,
    evidence: await logEvidence(log, logStart),
  });
}

/** `ended` tells how it ended, when it does. After `release` this process may end before it. */
async function spawnDetached(
  spec: DaemonSpec,
  logPath: string,
  nonce: string,
): Promise<{ pid: number | undefined; ended: Promise<string>; release: () => void }> {
  const log = await open(logPath, 'a', 0o600);
  try {
    // Not through run(): this one must outlive us, and its output must not pass through our pipes.
    const child = withUmask(spec.umask, () =>
      spawn(spec.program, [...spec.args], {
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
        env: { ...spec.env, [daemonMarker]: nonce },
        cwd: spec.cwd ?? spec.folder,
      }),
    );
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => {
        resolve(`could not be run (${error.message})`);
      });
      child.once('exit', (code, signal) => {
        resolve(`ended with ${signal === null ? `exit code ${String(code)}` : `signal ${signal}`}`);
      });
    });
    const release = (): void => {
      child.unref();
    };
    return { pid: child.pid, ended, release };
  } finally {
    await log.close();
  }
}

/** A child inherits the mask; spawning is synchronous, so nothing else of this process sees it. */
function withUmask<T>(umask: number | undefined, start: () => T): T {
  if (umask === undefined) return start();
  const before = process.umask(umask);
  try {
    return start();
  } finally {
    process.umask(before);
  }
}

/** Waits for a running process. @returns why it is not ready (the end of a sentence); `undefined` when it is */
export async function untilReady(
  spec: Pick<DaemonSpec, 'isReady' | 'signal'>,
  record: DaemonRecord,
  timeoutMs: number,
  ended: Promise<string> = new Promise(() => undefined),
): Promise<string | undefined> {
  const deadline = Date.now() + timeoutMs;
  const watch: { how?: string } = {};
  void ended.then((how) => (watch.how = how));
  for (;;) {
    if (spec.signal?.aborted) return 'was cancelled while it started';
    if (await spec.isReady?.(record)) return undefined;
    if (!(await isAlive(record))) return Promise.race([ended, sleep(100, 'ended')]);
    if (Date.now() >= deadline)
      return spec.isReady ? `was not ready within ${seconds(timeoutMs)} and was ended` : undefined;
    await Promise.race([ended, sleep(pollMs)]);
    if (watch.how !== undefined) return watch.how;
  }
}

function seconds(milliseconds: number): string {
  return `${String(Math.round(milliseconds / 1000))} s`;
}
