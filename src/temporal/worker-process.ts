import { existsSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config.js';
import { TracewrightError } from '../domain/failure.js';
import { metricsOff } from '../metrics-address.js';
import {
  daemonLogPath,
  observeDaemon,
  retireDaemon,
  startDaemon,
  stopDaemon,
  type DaemonPlace,
  type ObservedDaemon,
} from '../tools/daemon.js';
import { identifyProcess, type ProcessIdentity } from '../tools/process-identity.js';
import type { ConnectionSettings } from './connection.js';
import { metricsUrlOf, requireMetricsPort } from './metrics.js';
import { workerVersion } from './worker-version.js';

export interface EnsureWorkerOptions {
  readonly config: Pick<Config, 'stateDir' | 'cacheDir' | 'environment' | 'metricsAddress'>;
  readonly connection: ConnectionSettings;
  /** The built file that is run. @default `dist/worker.js` of this package */
  readonly entry?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface EnsuredWorker {
  readonly pid: number;
  readonly startedNow: boolean;
  readonly logFile: string;
}

export type ObservedWorker = Pick<ObservedDaemon, 'pid' | 'running' | 'startedAt'> & {
  readonly ready: boolean;
  /** Where it serves its metrics, if it does. */
  readonly metricsUrl?: string;
  readonly logFile: string;
};

/** What the worker writes once its Workers run. */
interface ReadyMarker extends ProcessIdentity {
  readonly at: string;
}

/** This file is <package>/{src,dist}/temporal/worker-process.{ts,js}. */
const builtWorker = join(dirname(fileURLToPath(import.meta.url)), '../../dist/worker.js');

/** In milliseconds; a worker that stops lets its activities end their programs, which takes up to 10 s each. */
const graceMs = 30_000;

/** Where the worker's record and log are. */
export const workerPlace = (stateDir: string): DaemonPlace => ({
  folder: join(stateDir, 'worker'),
  name: 'worker',
});
const markerPath = (stateDir: string): string => join(stateDir, 'worker', 'ready.json');

/**
 * Makes sure that the background worker of the state folder runs, from this build and for this connection. One of
 * another build (after an update), for another server or with its metrics elsewhere gets SIGTERM and is replaced. Ready
 * means that it takes tasks.
 * @throws TracewrightError `temporal.not-starting` with the last lines of its log, `port.taken` and `config.invalid`
 * for the address of its metrics
 */
export async function ensureWorker(options: EnsureWorkerOptions): Promise<EnsuredWorker> {
  const { config, connection, entry = builtWorker } = options;
  const { stateDir, cacheDir, environment } = config;
  if (!existsSync(entry)) throw notBuilt(entry);
  const before = await metricsAddressBefore(stateDir);
  // A shell that knows nothing of metrics must not take them away from the worker that another one started.
  const metrics = config.metricsAddress ?? before;
  // The worker that runs goes on when the next one could not even start.
  if (metrics !== before) await requireMetricsPort(metrics);
  const daemon = await startDaemon({
    ...workerPlace(stateDir),
    program: process.execPath,
    args: [entry],
    version: await workerVersion(entry, connection, metrics),
    data: { metricsAddress: metrics ?? metricsOff },
    env: {
      ...environment,
      TRACEWRIGHT_STATE_DIR: stateDir,
      TRACEWRIGHT_CACHE_DIR: cacheDir,
      TRACEWRIGHT_READY_FILE: markerPath(stateDir),
      TRACEWRIGHT_METRICS_ADDRESS: metrics,
      // It was allowed when the address was first given.
      TRACEWRIGHT_METRICS_PUBLIC: 'true',
    },
    umask: 0o077,
    prepare: async () => {
      await requireMetricsPort(metrics);
      await rm(markerPath(stateDir), { force: true });
    },
    isReady: (identity) => isMarkedReady(stateDir, identity),
    readyTimeoutMs: 60_000,
    hangTimeoutMs: 60_000,
    graceMs,
    failure: {
      type: 'temporal.not-starting',
      what: 'The worker',
      remedy: 'Look at its last lines and run the command again.',
    },
    signal: options.signal,
  });
  return { pid: daemon.pid, startedNow: daemon.startedNow, logFile: daemonLogPath(workerPlace(stateDir)) };
}

/** What is known of the background worker; `undefined` when none was started or it was stopped. */
export async function observeWorker({
  stateDir,
}: Pick<Config, 'stateDir'>): Promise<ObservedWorker | undefined> {
  const known = await observeDaemon(workerPlace(stateDir));
  if (!known) return undefined;
  const { pid, running, startedAt } = known;
  const ready = running && (await isMarkedReady(stateDir, known));
  const metricsUrl = running ? metricsUrlOf(addressIn(known)) : undefined;
  return {
    ...{ pid, running, startedAt, ready },
    ...(metricsUrl !== undefined && { metricsUrl }),
    logFile: daemonLogPath(workerPlace(stateDir)),
  };
}

/** Stops the background worker gracefully: its activities end their programs first, up to 30 s. */
export async function stopWorker({
  stateDir,
}: Pick<Config, 'stateDir'>): Promise<'gone' | 'terminated' | 'killed'> {
  const how = await stopDaemon(workerPlace(stateDir), { graceMs });
  await rm(markerPath(stateDir), { force: true });
  return how;
}

/** For the background worker itself: call it once its Workers run. */
export async function markWorkerReady({ readyFile }: Pick<Config, 'readyFile'>): Promise<void> {
  if (readyFile === undefined) return;
  const marker: ReadyMarker = { ...(await ownIdentity()), at: new Date().toISOString() };
  await writeFile(`${readyFile}.tmp`, JSON.stringify(marker), { mode: 0o600 });
  await rename(`${readyFile}.tmp`, readyFile);
}

/** For the background worker itself, as the last thing when nobody has stopped it: it is not missed. */
export async function retireWorker({ stateDir }: Pick<Config, 'stateDir'>): Promise<void> {
  await retireDaemon(workerPlace(stateDir));
}

async function ownIdentity(): Promise<ProcessIdentity> {
  const identity = await identifyProcess(process.pid);
  if (!identity) throw new Error('This process does not find itself under /proc.');
  return identity;
}

/** Of the worker that runs, or was killed. */
async function metricsAddressBefore(stateDir: string): Promise<string | undefined> {
  const known = await observeDaemon(workerPlace(stateDir));
  return known && addressIn(known);
}

/** Records of older versions have none. */
function addressIn({ data }: Pick<ObservedDaemon, 'data'>): string | undefined {
  const { metricsAddress } = data as { metricsAddress?: string };
  return metricsAddress === metricsOff ? undefined : metricsAddress;
}

async function isMarkedReady(stateDir: string, { pid, startTime }: ProcessIdentity): Promise<boolean> {
  const text = await readFile(markerPath(stateDir), 'utf8').catch(() => '{}');
  const marker = JSON.parse(text) as Partial<ReadyMarker>;
  return marker.pid === pid && marker.startTime === startTime;
}

function notBuilt(entry: string): TracewrightError {
  return new TracewrightError({
    type: 'temporal.not-starting',
    message: `The worker is not built: there is no ${entry}.`,
    remedy: 'Run `npm ci` (or `npm run build`) in the folder of Tracewright.',
  });
}
