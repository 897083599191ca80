import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import type { Config, PayloadKeySource } from '../config.js';
import { TracewrightError } from '../domain/failure.js';
import { sharedTaskQueue } from '../domain/names.js';
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
import { readRecord, writeRecord } from '../tools/process-record.js';
import { embeddedSettings, resolveConnection, type ConnectionSettings } from './connection.js';
import { portableVariables } from './profile.js';
import { metricsUrlOf, requireMetricsPort } from './runtime.js';

export interface EnsureWorkerOptions {
  readonly config: Pick<
    Config,
    'stateDir' | 'cacheDir' | 'environment' | 'metricsAddress' | 'payloadKeys' | 'workerVersion' | 'slots'
  >;
  readonly connection: ConnectionSettings;
  /** The built file that is run. @default `dist/worker.js` of this package */
  readonly entry?: string;
  /** Start one where none runs, and end none. @default false */
  readonly keepRunning?: boolean;
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

/** In MB; Node's 16 are kept up to three times in each isolate. A worker that mostly waits saves 90 MB (measured). */
const youngGeneration = '--max-semi-space-size=2';

/** In milliseconds; a worker that stops lets its activities end their programs, which takes up to 10 s each. */
const graceMs = 30_000;

/**
 * Where the record and log of a connection's worker are: each has its own, so that two shells with different servers do
 * not take turns. Other credentials for the same server and namespace are the same connection.
 */
export function workerPlace(
  stateDir: string,
  connection: Pick<ConnectionSettings, 'embedded' | 'address' | 'namespace'>,
): DaemonPlace {
  if (connection.embedded) return { folder: join(stateDir, 'worker'), name: 'worker' };
  const key = `${connection.address} ${connection.namespace}`;
  const digest = createHash('sha256').update(key).digest('hex').slice(0, 8);
  const readable = key.replace(/[^\w.-]+/gu, '-').slice(0, 80);
  return { folder: join(stateDir, 'workers', `${readable}-${digest}`), name: 'worker' };
}

/** As `workerPlace`, for the server that the configuration means. @throws TracewrightError `config.invalid` */
export function workerPlaceOf(config: Pick<Config, 'stateDir' | 'environment'>): DaemonPlace {
  const resolved = resolveConnection(config);
  // The address of the embedded server does not count.
  return workerPlace(
    config.stateDir,
    resolved.kind === 'external' ? resolved.settings : embeddedSettings(''),
  );
}

const markerPath = ({ folder }: DaemonPlace): string => join(folder, 'ready.json');

/**
 * Makes sure that the background worker of the connection runs, from this build. One of another build (after an
 * update), with other credentials, its metrics elsewhere or another number of slots gets SIGTERM and is replaced, unless `keepRunning`.
 * Ready means that it takes tasks.
 * @throws TracewrightError `temporal.not-starting` with the last lines of its log, `port.taken` and `config.invalid`
 * for the address of its metrics
 */
export async function ensureWorker(options: EnsureWorkerOptions): Promise<EnsuredWorker> {
  const { config, connection, entry = builtWorker } = options;
  const { stateDir, cacheDir, environment } = config;
  if (!existsSync(entry)) throw notBuilt(entry);
  const place = workerPlace(stateDir, connection);
  const known = await observeDaemon(place);
  const before = known && addressIn(known);
  // A shell that knows nothing of metrics, keys or slots must not take them away from the worker that another one started.
  const metrics = config.metricsAddress ?? before;
  const keys = keyVariables(config.payloadKeys) ?? keyVariablesIn(known);
  const slots = config.slots ?? (known?.data as { slots?: number } | undefined)?.slots;
  // The worker that runs goes on when the next one could not even start.
  if (metrics !== before) await requireMetricsPort(metrics);
  const daemon = await startDaemon({
    ...place,
    program: process.execPath,
    args: [youngGeneration, entry],
    version: await workerVersion(entry, [
      connection,
      metrics ?? metricsOff,
      keys,
      config.workerVersion,
      slots,
    ]),
    data: { metricsAddress: metrics ?? metricsOff, ...keys, ...(slots !== undefined && { slots }) },
    env: {
      // It runs in another folder, and its connection must be the one that we have.
      ...portableVariables(environment),
      ...keys,
      TRACEWRIGHT_STATE_DIR: stateDir,
      TRACEWRIGHT_CACHE_DIR: cacheDir,
      TRACEWRIGHT_READY_FILE: markerPath(place),
      TRACEWRIGHT_METRICS_ADDRESS: metrics,
      TRACEWRIGHT_SLOTS: slots?.toString(),
      // Each of the thirty threads of Node and the SDK would get an arena of its own: two of them use 35 MB less.
      MALLOC_ARENA_MAX: '2',
      // It was allowed when the address was first given.
      TRACEWRIGHT_METRICS_PUBLIC: 'true',
    },
    umask: 0o077,
    prepare: async () => {
      await requireMetricsPort(metrics);
      await rm(markerPath(place), { force: true });
    },
    isReady: (identity) => isMarkedReady(place, identity),
    readyTimeoutMs: 60_000,
    hangTimeoutMs: 60_000,
    graceMs,
    failure: {
      type: 'temporal.not-starting',
      what: 'The worker',
      remedy: 'Look at its last lines and run the command again.',
    },
    keepRunning: options.keepRunning ?? false,
    signal: options.signal,
  });
  return { pid: daemon.pid, startedNow: daemon.startedNow, logFile: daemonLogPath(place) };
}

/** The workers that ask for workflow tasks of the shared queue, as the server remembers them: for five minutes. */
export async function workflowPollers(
  { workflowService }: Pick<Connection, 'workflowService'>,
  namespace: string,
): Promise<proto.temporal.api.taskqueue.v1.IPollerInfo[]> {
  const { pollers } = await workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: sharedTaskQueue },
    taskQueueType: proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
  });
  return pollers;
}

/** In milliseconds: how long to wait for a poll, for one answer, and between two questions. */
const [pollMs, answerMs, askEveryMs] = [30_000, 5_000, 200];

/**
 * Waits until the server has seen a worker ask for workflow tasks. One that has just started has seen none, and the worker
 * that outlived the last one comes back in its own time, up to ten seconds between two tries: until then the server
 * answers no query and refuses updates. Ends after half a minute in any case, and when the signal fires: what is asked
 * next says by itself what is wrong.
 */
export async function untilWorkerPolls(
  connection: Connection,
  namespace: string,
  signal: AbortSignal,
): Promise<void> {
  const polls = async (): Promise<boolean> => (await workflowPollers(connection, namespace)).length > 0;
  for (const deadline = Date.now() + pollMs; Date.now() < deadline && !signal.aborted;) {
    if (await connection.withDeadline(Date.now() + answerMs, polls).catch(() => false)) return;
    await sleep(askEveryMs, undefined, { signal }).catch(() => undefined);
  }
}

/** What is known of the background worker; `undefined` when none was started or it was stopped. */
export async function observeWorker(place: DaemonPlace): Promise<ObservedWorker | undefined> {
  const known = await observeDaemon(place);
  if (!known) return undefined;
  const { pid, running, startedAt } = known;
  const ready = running && (await isMarkedReady(place, known));
  const metricsUrl = running ? metricsUrlOf(addressIn(known)) : undefined;
  return {
    ...{ pid, running, startedAt, ready },
    ...(metricsUrl !== undefined && { metricsUrl }),
    logFile: daemonLogPath(place),
  };
}

/** Stops the background worker gracefully: its activities end their programs first, up to 30 s. */
export async function stopWorker(place: DaemonPlace): Promise<'gone' | 'terminated' | 'killed'> {
  const how = await stopDaemon(place, { graceMs });
  await rm(markerPath(place), { force: true });
  return how;
}

/** For the background worker itself: call it once its Workers run. */
export async function markWorkerReady({ readyFile }: Pick<Config, 'readyFile'>): Promise<void> {
  if (readyFile === undefined) return;
  const marker: ReadyMarker = { ...(await ownIdentity()), at: new Date().toISOString() };
  writeRecord(readyFile, marker);
}

/** For the background worker itself, as the last thing when nobody has stopped it: it is not missed. */
export async function retireWorker({ readyFile }: Pick<Config, 'readyFile'>): Promise<void> {
  if (readyFile !== undefined) await retireDaemon({ folder: dirname(readyFile), name: 'worker' });
}

async function ownIdentity(): Promise<ProcessIdentity> {
  const identity = await identifyProcess(process.pid);
  if (!identity) throw new Error('This process does not find itself under /proc.');
  return identity;
}

/** Of the worker that runs, or was killed. */
type KeyVariables = Readonly<
  Partial<Record<'TRACEWRIGHT_PAYLOAD_KEYS' | 'TRACEWRIGHT_PAYLOAD_KEYS_PROGRAM', string>>
>;

/** The variables that mean the same keys; `undefined` for none. */
function keyVariables(source: PayloadKeySource | undefined): KeyVariables | undefined {
  if (!source) return undefined;
  return 'file' in source
    ? { TRACEWRIGHT_PAYLOAD_KEYS: source.file }
    : { TRACEWRIGHT_PAYLOAD_KEYS_PROGRAM: source.program };
}

/** Those of the worker that is known, as its record keeps them. */
function keyVariablesIn(known: Pick<ObservedDaemon, 'data'> | undefined): KeyVariables | undefined {
  const { TRACEWRIGHT_PAYLOAD_KEYS: file, TRACEWRIGHT_PAYLOAD_KEYS_PROGRAM: program } = (known?.data ??
    {}) as KeyVariables;
  return file !== undefined
    ? keyVariables({ file })
    : program !== undefined
      ? keyVariables({ program })
      : undefined;
}

/** Records of older versions have none. */
function addressIn({ data }: Pick<ObservedDaemon, 'data'>): string | undefined {
  const { metricsAddress } = data as { metricsAddress?: string };
  return metricsAddress === metricsOff ? undefined : metricsAddress;
}

async function isMarkedReady(place: DaemonPlace, { pid, startTime }: ProcessIdentity): Promise<boolean> {
  const marker = await readRecord<ReadyMarker>(markerPath(place));
  return marker?.pid === pid && marker.startTime === startTime;
}

function notBuilt(entry: string): TracewrightError {
  return new TracewrightError({
    type: 'temporal.not-starting',
    message: `The worker is not built: there is no ${entry}.`,
    remedy: 'Run `npm ci` (or `npm run build`) in the folder of Tracewright.',
  });
}

/**
 * Changes with the contents of the built files, and with the connection and other settings (by digest only: there may be
 * an API key among them). About 15 ms.
 */
async function workerVersion(entry: string, settings: readonly unknown[]): Promise<string> {
  const hash = createHash('sha256');
  const folder = dirname(entry);
  const files = (await readdir(folder, { recursive: true }))
    .filter((name) => name.endsWith('.js'))
    .toSorted();
  // Synchronously: read through promises, these hundreds of small files take ten times as long.
  for (const name of files) hash.update(name).update(readFileSync(join(folder, name)));
  hash.update(JSON.stringify(settings)).update(process.version);
  return hash.digest('hex').slice(0, 16);
}
