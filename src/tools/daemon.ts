import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isTracewrightError } from '../domain/failure.js';
import { launchDaemon, untilReady, type DaemonSpec } from './daemon-launch.js';
import {
  daemonRecordPath,
  findByNonce,
  notYetStarted,
  readRecord,
  writeRecord,
  type DaemonPlace,
  type DaemonRecord,
} from './daemon-record.js';
import { withLock } from './lock.js';
import { endProcess, isAlive } from './process-identity.js';

export { daemonRecordPath } from './daemon-record.js';
export type { DaemonSpec } from './daemon-launch.js';
export type { DaemonPlace, DaemonRecord } from './daemon-record.js';

export interface ObservedDaemon extends DaemonRecord {
  /** False: the process died and nobody stopped it; the record tells what it was. */
  readonly running: boolean;
}

export interface StartedDaemon extends DaemonRecord {
  readonly startedNow: boolean;
}

/** In milliseconds. */
const defaultGraceMs = 10_000;
const defaultHangTimeoutMs = 10_000;

/**
 * Makes sure that a background process runs and is ready. It survives this one: a session of its own, its output in its
 * log file. A live one of the same version is left alone; so is one whose starter was killed in the middle. One of
 * another version, or one that does not become ready (a hung one), is ended first.
 * @throws TracewrightError `spec.failure.type` with the last lines of its log; `state.locked`
 */
export async function startDaemon(spec: DaemonSpec): Promise<StartedDaemon> {
  return withLock(lockPath(spec), { signal: spec.signal, timeoutMs: holdMs(spec) }, async () => {
    const known = await adopt(spec);
    if (known?.running) {
      const { running: _running, ...record } = known;
      if (known.version === spec.version && (await stillServes(spec, record)))
        return { ...record, startedNow: false };
      await endProcess(known, { graceMs: spec.graceMs ?? defaultGraceMs });
    }
    return { ...(await launchDaemon(spec)), startedNow: true };
  });
}

/** Another starter may first wait for a hung process, end it, and wait for the new one. */
function holdMs({ hangTimeoutMs, graceMs, readyTimeoutMs }: DaemonSpec): number {
  const parts = [hangTimeoutMs ?? defaultHangTimeoutMs, graceMs ?? defaultGraceMs, readyTimeoutMs ?? 30_000];
  return parts.reduce((sum, part) => sum + part, 30_000);
}

async function stillServes(spec: DaemonSpec, record: DaemonRecord): Promise<boolean> {
  if (!spec.isReady) return true;
  return (await untilReady(spec, record, spec.hangTimeoutMs ?? defaultHangTimeoutMs)) === undefined;
}

/** What is known of the background process; `undefined` when none was started or it was stopped. Takes about 1 ms. */
export async function observeDaemon(place: DaemonPlace): Promise<ObservedDaemon | undefined> {
  const stored = await readRecord(place);
  if (!stored) return undefined;
  const { nonce: _nonce, ...record } = stored;
  if (record.pid !== notYetStarted) return { ...record, running: await isAlive(record) };
  const found = await findByNonce(stored);
  return { ...record, ...found, running: found !== undefined };
}

/** Like `observeDaemon`; a process whose starter could not write its pid gets it written. The caller holds the lock. */
async function adopt(place: DaemonPlace): Promise<ObservedDaemon | undefined> {
  const [stored, known] = [await readRecord(place), await observeDaemon(place)];
  if (stored?.pid === notYetStarted && known?.running) {
    await writeRecord(place, { ...stored, pid: known.pid, startTime: known.startTime });
  }
  return known;
}

/** Ends the background process and its group: SIGTERM, `graceMs` (default 10000), SIGKILL. Its log stays. */
export async function stopDaemon(
  place: DaemonPlace,
  { graceMs = defaultGraceMs }: { graceMs?: number } = {},
): Promise<'gone' | 'terminated' | 'killed'> {
  if (!(await readRecord(place))) return 'gone';
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
  const forget = async (): Promise<void> => {
    if ((await readRecord(place))?.pid === process.pid) await rm(daemonRecordPath(place), { force: true });
  };
  // Whoever holds the lock for longer is about to end us.
  await withLock(lockPath(place), { timeoutMs: 2_000 }, forget).catch((error: unknown) => {
    if (!isTracewrightError(error) || error.type !== 'state.locked') throw error;
  });
}

export function daemonLogPath({ folder, name }: DaemonPlace): string {
  return join(folder, `${name}.log`);
}

const lockPath = ({ folder, name }: DaemonPlace): string => join(folder, `${name}.lock`);
