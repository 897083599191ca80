import { Client, type Connection } from '@temporalio/client';
import { environmentWorkflowId } from '../domain/names.js';
import { connectClient } from '../temporal/client-connection.js';
import { embeddedSettings, resolveConnection, type ConnectionSettings } from '../temporal/connection.js';
import { hostId } from '../temporal/host-id.js';
import { markServerUsed } from '../temporal/idle-end.js';
import { dataConverterFor } from '../temporal/payloads/data-converter.js';
import { ignoredSettings } from '../temporal/profile.js';
import { ensureSearchAttributes } from '../temporal/search-attributes.js';
import {
  connectRunning,
  ensureServer,
  isServerRunning,
  isServerWanted,
  type EnsuredServer,
} from '../temporal/server.js';
import {
  ensureWorker,
  observeWorker,
  untilWorkerPolls,
  workerPlace,
  workerPlaceOf,
} from '../temporal/worker-process.js';
import { environmentFolder, keepShell } from '../tools/environment-folder.js';
import { requireWritable, stateFolder } from '../tools/writable-folder.js';
import type { OnProgress } from '../tools/download-progress.js';
import type { CliContext } from './context.js';
import { progressNotes } from './views/progress-notes.js';

/** A connection to the Temporal server, with the background worker of this machine behind it. */
export interface Session {
  readonly client: Client;
  readonly settings: ConnectionSettings;
  /** Of this machine and state folder. */
  readonly hostId: string;
  /** Whether this machine has a worker of ours; behind a server of one's own, others may do all the work. */
  readonly hasWorker: boolean;
  /**
   * Hands what this shell has to the worker of this machine, for all that it does from now on for the environment: for
   * commands that make it work. Credentials that another shell has given count no more.
   */
  handOver(environment: string): Promise<void>;
  /** The page of an environment in the Temporal Web UI, where we know it: for the embedded server. */
  webUi(environment: string): string | undefined;
  /** Whether the processes behind it live, as far as they are ours. Takes about 2 ms. */
  isAlive(): Promise<boolean>;
  close(): Promise<void>;
}

/** `look`: for commands that change nothing; they start what has died and end nothing, not even what hangs. */
export type Use = 'look' | 'act';

/** One that outlives the server and the worker behind it: what it holds is another after `revive`. */
export interface LastingSession extends Session {
  /** Starts again whatever has died, connects anew, and says so. */
  revive(note: CliContext['note']): Promise<void>;
}

interface OpenSessionOptions {
  /** Whether this machine is to have a worker; one that it had is started again in any case. @default true */
  readonly worker?: boolean;
}

/**
 * Connects. The embedded Temporal server and the background worker are started where they do not run, so that any
 * command heals what was killed.
 * @throws TracewrightError `temporal.*`, `download.*`, `tool.missing`, `state.*`
 */
export async function openSession(
  context: CliContext,
  { worker = true }: OpenSessionOptions = {},
): Promise<LastingSession> {
  const known = workerPlaceOf(context.config);
  return lasting(context, 'act', async () => worker || (await observeWorker(known)) !== undefined);
}

/**
 * As `openSession`, for commands that start no environment: `undefined` where no embedded server was ever started or it
 * was stopped with the last environment. Behind a server of one's own a worker is brought back where there was one, and
 * no machine becomes a worker by looking.
 */
export async function openExistingSession(
  context: CliContext,
  use: Use = 'look',
): Promise<LastingSession | undefined> {
  const { config } = context;
  const embedded = resolveConnection(config).kind === 'embedded';
  if (embedded && !(await isServerWanted(config))) return undefined;
  const worker = workerPlaceOf(config);
  return lasting(context, use, async () => embedded || (await observeWorker(worker)) !== undefined);
}

async function lasting(
  context: CliContext,
  use: Use,
  wantsWorker: () => Promise<boolean>,
): Promise<LastingSession> {
  let current = await open(context, use, wantsWorker);
  return {
    get client() {
      return current.client;
    },
    get settings() {
      return current.settings;
    },
    get hostId() {
      return current.hostId;
    },
    get hasWorker() {
      return current.hasWorker;
    },
    handOver: (environment) => current.handOver(environment),
    webUi: (environment) => current.webUi(environment),
    isAlive: () => current.isAlive(),
    close: () => current.close(),
    revive: async (note) => {
      note(context.paint('yellow', 'The Temporal server or its worker is not responding; restarting.'));
      await current.close().catch(() => undefined);
      // Who draws in the terminal meanwhile draws what is noted, too.
      current = await open({ ...context, note, terminal: undefined }, use, wantsWorker);
    },
  };
}

async function open(context: CliContext, use: Use, wantsWorker: () => Promise<boolean>): Promise<Session> {
  const { config, signal } = context;
  const resolved = resolveConnection(config);
  await requireWritable(config.stateDir, stateFolder);
  const say = progressNotes(context);
  const keepRunning = use === 'look';
  // First the server: without one a worker would only die, and with a stack trace.
  const { server, settings, connection } =
    resolved.kind === 'embedded'
      ? await reachServer(context, say, keepRunning)
      : {
          server: undefined,
          settings: resolved.settings,
          connection: await connectClient(resolved.settings, { signal }),
        };
  const place = workerPlace(config.stateDir, settings);
  try {
    const hasWorker = await wantsWorker();
    if (hasWorker) {
      const worker = await ensureWorker({ config, connection: settings, keepRunning, signal });
      if (worker.startedNow) say(`Worker started (pid ${String(worker.pid)})`);
      else if (server) await untilWorkerPolls(connection, settings.namespace, signal);
    }
    if (resolved.kind === 'external') {
      for (const ignored of ignoredSettings(config.environment)) say(ignored);
      const { warning } = await ensureSearchAttributes(connection, settings.namespace);
      if (warning !== undefined) say(warning);
    }
    return {
      client: new Client({
        connection,
        namespace: settings.namespace,
        dataConverter: dataConverterFor(config),
      }),
      settings,
      hostId: await hostId(config.stateDir),
      hasWorker,
      handOver: async (environment) => {
        if (hasWorker) await keepShell(environmentFolder(config.stateDir, environment), config.environment);
      },
      webUi: (environment) =>
        server &&
        `${server.uiUrl}/namespaces/${settings.namespace}/workflows/${environmentWorkflowId(environment)}`,
      isAlive: async () => {
        const [worker, serves] = await Promise.all([
          !hasWorker || observeWorker(place).then((it) => it?.running ?? false),
          !settings.embedded || isServerRunning(config),
        ]);
        return worker && serves;
      },
      close: () => connection.close(),
    };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** The embedded server, which is started where it does not run, and a connection to it. */
async function reachServer(
  { config, signal }: CliContext,
  say: OnProgress,
  keepRunning: boolean,
): Promise<{ server: EnsuredServer; settings: ConnectionSettings; connection: Connection }> {
  const running = await connectRunning(config, signal);
  try {
    const server = running?.server ?? (await ensureServer({ config, keepRunning, signal, onProgress: say }));
    await markServerUsed(config);
    if (server.startedNow) {
      say(`Temporal server started on ${server.address} (pid ${String(server.pid)})`);
      if (server.note !== undefined) say(server.note);
    }
    const settings = embeddedSettings(server.address);
    return {
      server,
      settings,
      connection: running?.connection ?? (await connectClient(settings, { signal })),
    };
  } catch (error) {
    await running?.connection.close();
    throw error;
  }
}
