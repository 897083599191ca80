import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type Connection } from '@temporalio/client';
import type { Config } from '../config.js';
import { isTracewrightError, TracewrightError } from '../domain/failure.js';
import {
  daemonLogPath,
  observeDaemon,
  startDaemon,
  stopDaemon,
  type StartedDaemon,
} from '../tools/daemon.js';
import { withLock } from '../tools/lock.js';
import { requireWritable, stateFolder } from '../tools/writable-folder.js';
import { connectClient } from './client-connection.js';
import { embeddedSettings, resolveConnection, type ConnectionSettings } from './connection.js';
import { dataConverterFor } from './payloads/data-converter.js';
import { choosePorts, defaultPorts } from './ports.js';
import {
  answerTimeoutMs,
  isDatabaseComplete,
  serverAddress,
  serverFolder,
  serverPlace,
  serverPorts,
  serves,
  servesFor,
  serverSpec,
  serverVersion,
  type EnsureServerOptions,
  type ServerData,
} from './server-process.js';

const portsLock = join(tmpdir(), `tracewright-ports-${String(process.getuid?.())}.lock`);

export type { EnsureServerOptions } from './server-process.js';

export interface EmbeddedServer {
  /** `127.0.0.1:<port>` */
  readonly address: string;
  readonly uiUrl: string;
  readonly pid: number;
}

export interface EnsuredServer extends EmbeddedServer {
  readonly startedNow: boolean;
  /** For a person: that it does not listen on the default ports. */
  readonly note?: string;
}

export interface ObservedServer extends EmbeddedServer {
  /** `dead`: it was killed and will be restarted with its database; `hung`: the process lives and does not answer. */
  readonly state: 'serving' | 'hung' | 'dead';
  readonly logFile: string;
}

/**
 * Makes sure that the embedded Temporal server of the state folder runs: SQLite below the folder, loopback only. A live
 * one is returned as it is; one that was killed comes back on the same ports with its database, so that workers
 * reconnect.
 * @throws TracewrightError `temporal.not-starting`, `port.taken`, `state.*`, and what `provideTemporal` throws
 */
export async function ensureServer(options: EnsureServerOptions): Promise<EnsuredServer> {
  const { stateDir, cacheDir, environment } = options.config;
  const known = await observeDaemon(serverPlace(stateDir));
  if (known?.running && known.version === serverVersion && (await servesFor(stateDir, known.data))) {
    return ensured(known, false);
  }
  await requireWritable(serverFolder(stateDir), stateFolder);
  // Loaded only now: most commands find the server running.
  const { provideTemporal } = await import('../tools/temporal-binary.js');
  const { path } = await provideTemporal({
    cacheDir,
    environment,
    onProgress: options.onProgress,
    signal: options.signal,
  });
  // Of two state folders that start at the same moment each must see which ports the other one took.
  const daemon = await withLock(portsLock, { timeoutMs: 120_000, signal: options.signal }, () =>
    startOnFreePorts(options, path),
  );
  return ensured(daemon, daemon.startedNow);
}

/**
 * The embedded server where it runs and serves, with a connection to it, which the caller closes: so most commands find it.
 * @returns `undefined` where `ensureServer` has to look after it first
 * @throws TracewrightError `step.cancelled`
 */
export async function connectRunning(
  { stateDir }: Pick<Config, 'stateDir'>,
  signal?: AbortSignal,
): Promise<{ server: EnsuredServer; connection: Connection } | undefined> {
  const known = await observeDaemon(serverPlace(stateDir));
  if (!known?.running || known.version !== serverVersion || !isDatabaseComplete(stateDir)) return undefined;
  try {
    const settings = embeddedSettings(serverAddress(known.data));
    const connection = await connectClient(settings, { timeoutMs: answerTimeoutMs, signal });
    return { server: ensured(known, false), connection };
  } catch (error) {
    if (signal?.aborted) throw error;
    return undefined;
  }
}

/**
 * What is known of the embedded server; `undefined` when none was started or it was stopped.
 * @param hasServed whether it has just answered the caller, who need not ask again
 */
export async function observeServer(
  config: Pick<Config, 'stateDir'>,
  hasServed = false,
): Promise<ObservedServer | undefined> {
  const known = await observeDaemon(serverPlace(config.stateDir));
  if (!known) return undefined;
  const state = !known.running ? 'dead' : hasServed || (await serves(known.data)) ? 'serving' : 'hung';
  return { ...describe(known), state, logFile: daemonLogPath(serverPlace(config.stateDir)) };
}

/** Whether it was started and not stopped since; asks it nothing. Takes about 1 ms. */
export async function isServerWanted(config: Pick<Config, 'stateDir'>): Promise<boolean> {
  return (await observeDaemon(serverPlace(config.stateDir))) !== undefined;
}

/** Whether its process lives; asks it nothing. Takes about 1 ms. */
export async function isServerRunning(config: Pick<Config, 'stateDir'>): Promise<boolean> {
  return (await observeDaemon(serverPlace(config.stateDir)))?.running ?? false;
}

/** Stops the embedded server; its database stays. Takes 1 to 2 s: the server lets its own workers end first. */
export async function stopServer(
  config: Pick<Config, 'stateDir'>,
): Promise<'gone' | 'terminated' | 'killed'> {
  return stopDaemon(serverPlace(config.stateDir));
}

async function startOnFreePorts(options: EnsureServerOptions, program: string): Promise<StartedDaemon> {
  for (let attempt = 1; ; attempt += 1) {
    const known = await observeDaemon(serverPlace(options.config.stateDir));
    const before = known && serverPorts(known.data);
    const ports = known?.running && before ? before : await choosePorts(before);
    try {
      return await startDaemon(serverSpec(options, program, ports));
    } catch (error) {
      if (attempt >= 5 || !isPortTaken(error)) throw error;
    }
  }
}

/** Another program, or the server of another state folder, took a port between our look and the server's start. */
function isPortTaken(error: unknown): boolean {
  return isTracewrightError(error) && error.evidence.some((line) => line.includes('address already in use'));
}

function describe({ pid, data }: { pid: number; data: ServerData }): EmbeddedServer {
  return { pid, address: serverAddress(data), uiUrl: `http://127.0.0.1:${String(serverPorts(data).uiPort)}` };
}

function ensured(daemon: { pid: number; data: ServerData }, startedNow: boolean): EnsuredServer {
  const server = { ...describe(daemon), startedNow };
  if (serverPorts(daemon.data).port === defaultPorts.port) return server;
  const { port, uiPort } = defaultPorts;
  return {
    ...server,
    note: `Port ${String(port)} or ${String(uiPort)} was taken: the Temporal server listens on ${server.address}.`,
  };
}

/**
 * The connection for a process that starts no server: the worker, and commands that only look. With the embedded server
 * its address comes from the record of the running one.
 * @throws TracewrightError `temporal.unreachable` when the embedded server does not run, `config.invalid`
 */
export async function currentConnection(
  config: Pick<Config, 'stateDir' | 'environment'>,
): Promise<ConnectionSettings> {
  const resolved = resolveConnection(config);
  if (resolved.kind === 'external') return resolved.settings;
  const server = await observeServer(config);
  if (server && server.state !== 'dead') return embeddedSettings(server.address);
  throw new TracewrightError({
    type: 'temporal.unreachable',
    message: server
      ? `The embedded Temporal server (${server.address}) was killed.`
      : `No embedded Temporal server runs for the state folder ${config.stateDir}.`,
    remedy: 'Run `tracewright up`: it starts one. For a server of your own set TEMPORAL_ADDRESS.',
  });
}

export interface WithClientOptions {
  /** For all that `work` asks for, in milliseconds. @default no limit but those of the calls */
  readonly withinMs?: number;
}

/**
 * Runs `work` with a client of the Temporal server, which is not started for it, and closes the connection after it: no
 * call of `work` may be open then.
 * @throws TracewrightError `temporal.unreachable`, `config.invalid`; what `work` throws
 */
export async function withClient<T>(
  config: Pick<Config, 'stateDir' | 'environment' | 'payloadKeys'>,
  work: (client: Client) => Promise<T>,
  { withinMs }: WithClientOptions = {},
): Promise<T> {
  const settings = await currentConnection(config);
  const connection = await connectClient(settings);
  try {
    const { namespace } = settings;
    const client = new Client({ connection, namespace, dataConverter: dataConverterFor(config) });
    return await (withinMs === undefined
      ? work(client)
      : connection.withDeadline(Date.now() + withinMs, () => work(client)));
  } finally {
    await connection.close();
  }
}
