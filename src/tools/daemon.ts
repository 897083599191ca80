import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isTracewrightError, TracewrightError, type FailureType } from '../domain/failure.js';
import { withLock } from './lock.js';
import { logEvidence, rotateLog } from './log-file.js';
import { endProcess, identifyProcess, isAlive, type ProcessIdentity } from './process-identity.js';
import { findMarked, readRecord, writeRecord, type ProcessMark } from './process-record.js';

/** Which background process: `<folder>/<name>.json` is its record, `<name>.log` its output, `<name>.lock` its lock. */
export interface DaemonPlace {
  /** Absolute; made with mode 0700. */
  readonly folder: string;
  readonly name: string;
}

export interface DaemonRecord extends ProcessIdentity {
  readonly program: string;
  readonly args: readonly string[];
  /** What it was started from; a process of another version is replaced. */
  readonly version: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** What its users want to know again: ports, addresses. No secrets. */
  readonly data: Readonly<Record<string, string | number>>;
}

interface StoredRecord extends DaemonRecord {
  /** The mark in its environment. While the process is about to be started, `pid` is 0. */
  readonly nonce: string;
  /** It has been ready once: from then on a process that is not ready hangs, before that it starts. */
  readonly served?: true;
}

export interface ObservedDaemon extends DaemonRecord {
  /** False: the process died and nobody stopped it; the record tells what it was. */
  readonly running: boolean;
}

export interface StartedDaemon extends DaemonRecord {
  readonly startedNow: boolean;
}

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
  /** True once it serves; polled every 20 ms. @default true when it still runs 300 ms after its start */
  readonly isReady?: (daemon: DaemonRecord) => Promise<boolean>;
  /** In milliseconds; a new process that is not ready by then is ended. @default 30000 */
  readonly readyTimeoutMs?: number;
  /** In milliseconds; a process that has served and does not for so long counts as hung. @default 10000 */
  readonly hangTimeoutMs?: number;
  /** In milliseconds, between SIGTERM and SIGKILL when one is replaced. @default 10000 */
  readonly graceMs?: number;
  /** End nothing: a process that runs stays, whatever its version, even when it hangs. @default false */
  readonly keepRunning?: boolean;
  /** The failure when it ends right after its start or does not become ready. `what` begins its message. */
  readonly failure: { readonly type: FailureType; readonly what: string; readonly remedy: string };
  /** Only ends the wait: a process that starts meanwhile goes on starting, and is found by the next call. */
  readonly signal?: AbortSignal | undefined;
}

const defaultGraceMs = 10_000;
const defaultHangTimeoutMs = 10_000;
const defaultReadyTimeoutMs = 30_000;
/** In milliseconds. Without `isReady`: a program with a wrong flag or a taken port is gone by then. */
const settleMs = 300;
const pollMs = 20;

const notYetStarted = 0;
const markOf = ({ nonce }: StoredRecord): ProcessMark => ({ variable: 'TRACEWRIGHT_DAEMON', value: nonce });

export const daemonRecordPath = ({ folder, name }: DaemonPlace): string => join(folder, `${name}.json`);
export const daemonLogPath = ({ folder, name }: DaemonPlace): string => join(folder, `${name}.log`);
const lockPath = ({ folder, name }: DaemonPlace): string => join(folder, `${name}.lock`);

/**
 * Makes sure that a background process runs and is ready. It survives this one: a session of its own, its output in its
 * log file. A live one of the same version is left alone; so is one whose starter was killed in the middle. One of
 * another version, or a hung one, is ended first.
 * @throws TracewrightError `spec.failure.type` with the last lines of its log; `state.locked`; `step.cancelled` when
 * `signal` fires: then nothing has been ended
 */
export async function startDaemon(spec: DaemonSpec): Promise<StartedDaemon> {
  return withLock(lockPath(spec), { signal: spec.signal, timeoutMs: holdMs(spec) }, async () => {
    const known = await adopt(spec);
    if (known && (await isAlive(known))) {
      const mayStay = spec.keepRunning || known.version === spec.version;
      if (mayStay && ((await stillServes(spec, known)) || spec.keepRunning))
        return { ...publicPart(known), startedNow: false };
      await endProcess(known, { graceMs: spec.graceMs ?? defaultGraceMs });
    }
    return { ...publicPart(await launch(spec, known !== undefined)), startedNow: true };
  });
}

/** What is known of the background process; `undefined` when none was started or it was stopped. Takes about 1 ms. */
export async function observeDaemon(place: DaemonPlace): Promise<ObservedDaemon | undefined> {
  const stored = await readRecord<StoredRecord>(daemonRecordPath(place));
  if (!stored) return undefined;
  if (stored.pid !== notYetStarted) return { ...publicPart(stored), running: await isAlive(stored) };
  const [found] = await findMarked(markOf(stored), stored.args);
  return { ...publicPart(stored), ...found, running: found !== undefined };
}

/** Ends the background process and its group: SIGTERM, `graceMs` (default 10000), SIGKILL. Its log stays. */
export async function stopDaemon(
  place: DaemonPlace,
  { graceMs = defaultGraceMs }: { graceMs?: number } = {},
): Promise<'gone' | 'terminated' | 'killed'> {
  if (!(await readRecord(daemonRecordPath(place)))) return 'gone';
  return withLock(lockPath(place), {}, async () => {
    const known = await observeDaemon(place);
    const how = known?.running ? await endProcess(known, { graceMs }) : 'gone';
    await rm(daemonRecordPath(place), { force: true });
    return how;
  });
}

/**
 * For a background process that ends by itself: forgets its record, unless another process has replaced it meanwhile.
 */
export async function retireDaemon(place: DaemonPlace): Promise<void> {
  const path = daemonRecordPath(place);
  const forget = async (): Promise<void> => {
    if ((await readRecord<StoredRecord>(path))?.pid === process.pid) await rm(path, { force: true });
  };
  // Whoever holds the lock for longer is about to end us.
  await withLock(lockPath(place), { timeoutMs: 2_000 }, forget).catch((error: unknown) => {
    if (!isTracewrightError(error) || error.type !== 'state.locked') throw error;
  });
}

/** The record, with the pid of a process whose starter was killed before it could write that. */
async function adopt(place: DaemonPlace): Promise<StoredRecord | undefined> {
  const stored = await readRecord<StoredRecord>(daemonRecordPath(place));
  if (stored?.pid !== notYetStarted) return stored;
  const [found] = await findMarked(markOf(stored), stored.args);
  if (!found) return stored;
  const adopted = { ...stored, ...found };
  writeRecord(daemonRecordPath(place), adopted);
  return adopted;
}

/** Another starter may first wait for a hung process, end it, and wait for the new one. */
function holdMs({ hangTimeoutMs, graceMs, readyTimeoutMs }: DaemonSpec): number {
  const parts = [
    hangTimeoutMs ?? defaultHangTimeoutMs,
    graceMs ?? defaultGraceMs,
    readyTimeoutMs ?? defaultReadyTimeoutMs,
  ];
  return parts.reduce((sum, part) => sum + part, 30_000);
}

/** One whose starter did not stay until it was ready has its whole time to start. */
async function stillServes(spec: DaemonSpec, record: StoredRecord): Promise<boolean> {
  if (!spec.isReady) return true;
  const { hangTimeoutMs = defaultHangTimeoutMs, readyTimeoutMs = defaultReadyTimeoutMs } = spec;
  const startLeftMs = Date.parse(record.startedAt) + readyTimeoutMs - Date.now();
  const timeoutMs = record.served ? hangTimeoutMs : Math.max(hangTimeoutMs, startLeftMs);
  const isServing = (await untilReady(spec, record, timeoutMs)) === undefined;
  if (isServing) noteServed(spec, record);
  return isServing;
}

function noteServed(place: DaemonPlace, record: StoredRecord): void {
  if (!record.served) writeRecord(daemonRecordPath(place), { ...record, served: true });
}

/**
 * Starts the process; the caller holds the lock and has made sure that there is none.
 * @param known whether one was there before: then the record stays when this one does not start
 */
async function launch(spec: DaemonSpec, known: boolean): Promise<StoredRecord> {
  const { program, args, version, data = {} } = spec;
  const path = daemonRecordPath(spec);
  const log = daemonLogPath(spec);
  await mkdir(spec.folder, { recursive: true, mode: 0o700 });
  await spec.prepare?.();
  const logStart = await rotateLog(log);
  throwIfInterrupted(spec);
  const [nonce, startedAt] = [randomBytes(12).toString('hex'), new Date().toISOString()];
  const intent = { pid: notYetStarted, startTime: '', program, args, version, startedAt, data, nonce };
  writeRecord(path, intent);
  const child = await spawnDetached(spec, log, markOf(intent));
  const identity = child.pid === undefined ? undefined : await identifyProcess(child.pid);
  const record = { ...intent, ...identity };
  if (identity) writeRecord(path, record);
  try {
    const timeoutMs = spec.isReady ? (spec.readyTimeoutMs ?? defaultReadyTimeoutMs) : settleMs;
    const why = identity ? await untilReady(spec, record, timeoutMs, child.ended) : await child.ended;
    if (why === undefined) {
      noteServed(spec, record);
      return record;
    }
    if (identity) await endProcess(identity, { graceMs: spec.graceMs ?? defaultGraceMs });
    if (!known) await rm(path, { force: true });
    throw new TracewrightError({
      type: spec.failure.type,
      message: `${spec.failure.what} ${why}.`,
      remedy: `${spec.failure.remedy} Its log is ${log}.`,
      evidence: await logEvidence(log, logStart),
    });
  } finally {
    child.release();
  }
}

/** `ended` tells how it ended, when it does. After `release` this process may end before it. */
async function spawnDetached(
  spec: DaemonSpec,
  logPath: string,
  { variable, value }: ProcessMark,
): Promise<{ pid: number | undefined; ended: Promise<string>; release: () => void }> {
  const log = await open(logPath, 'a', 0o600);
  // A child inherits the mask; spawning is synchronous, so nothing else of this process sees it.
  const umask = spec.umask === undefined ? undefined : process.umask(spec.umask);
  try {
    // Not through run(): this one must outlive us, and its output must not pass through our pipes.
    const child = spawn(spec.program, [...spec.args], {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: { ...spec.env, [variable]: value },
      cwd: spec.cwd ?? spec.folder,
    });
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
    if (umask !== undefined) process.umask(umask);
    await log.close();
  }
}

/**
 * Waits for a running process.
 * @returns why it is not ready (the end of a sentence); `undefined` when it is
 * @throws TracewrightError `step.cancelled`: an interrupted wait says nothing about the process
 */
async function untilReady(
  spec: DaemonSpec,
  record: DaemonRecord,
  timeoutMs: number,
  ended: Promise<string> = new Promise(() => undefined),
): Promise<string | undefined> {
  const deadline = Date.now() + timeoutMs;
  const watch: { how?: string } = {};
  void ended.then((how) => (watch.how = how));
  for (;;) {
    if (await spec.isReady?.(record)) return undefined;
    throwIfInterrupted(spec);
    if (!(await isAlive(record))) return Promise.race([ended, sleep(100, 'ended')]);
    if (Date.now() >= deadline)
      return spec.isReady
        ? `was not ready within ${String(Math.round(timeoutMs / 1000))} s and was ended`
        : undefined;
    await Promise.race([ended, sleep(pollMs)]);
    if (watch.how !== undefined) return watch.how;
  }
}

/** The caller has left: whatever runs, or starts, is none of its business any more. */
function throwIfInterrupted({ signal, failure }: DaemonSpec): void {
  if (!signal?.aborted) return;
  throw new TracewrightError({
    type: 'step.cancelled',
    message: `Interrupted while waiting for: ${failure.what}.`,
    remedy: 'Run the command again: it goes on from there.',
  });
}

function publicPart({ nonce: _nonce, served: _served, ...record }: StoredRecord): DaemonRecord {
  return record;
}
