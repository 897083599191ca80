import { Client } from '@temporalio/client';
import { environmentWorkflowId } from '../domain/names.js';
import { connectClient } from '../temporal/client-connection.js';
import { embeddedSettings, resolveConnection, type ConnectionSettings } from '../temporal/connection.js';
import { hostId } from '../temporal/host-id.js';
import { markServerUsed } from '../temporal/idle-end.js';
import { ensureSearchAttributes } from '../temporal/search-attributes.js';
import { ensureServer, isServerRunning, observeServer, type EnsuredServer } from '../temporal/server.js';
import { ensureWorker, observeWorker } from '../temporal/worker-process.js';
import { requireWritable, stateFolder } from '../tools/writable-folder.js';
import type { OnProgress } from '../tools/download-progress.js';
import type { CliContext } from './context.js';
import { progressNotes } from './progress-notes.js';

/** A connection to the Temporal server, with the background worker of this machine behind it. */
export interface Session {
  readonly client: Client;
  readonly settings: ConnectionSettings;
  /** Of this machine and state folder. */
  readonly hostId: string;
  /** Whether this machine has a worker of ours; behind a server of one's own, others may do all the work. */
  readonly hasWorker: boolean;
  /** The page of an environment in the Temporal Web UI, where we know it: for the embedded server. */
  webUi(environment: string): string | undefined;
  /** Whether the processes behind it live, as far as they are ours. Takes about 2 ms. */
  isAlive(): Promise<boolean>;
  close(): Promise<void>;
}

/** One that outlives the server and the worker behind it: what it holds is another after `revive`. */
export interface LastingSession extends Session {
  /** Starts again whatever has died, connects anew, and says so. */
  revive(note: CliContext['note']): Promise<void>;
}

/**
 * Connects. The embedded Temporal server and the background worker are started where they do not run, so that any
 * command heals what was killed.
 * @throws TracewrightError `temporal.*`, `download.*`, `tool.missing`, `state.*`
 */
export async function openSession(context: CliContext): Promise<LastingSession> {
  return lasting(context, () => Promise.resolve(true));
}

/**
 * As `openSession`, for commands that start no environment: `undefined` where no embedded server was ever started or it
 * was stopped with the last environment. Behind a server of one's own a worker is brought back where there was one, and
 * no machine becomes a worker by looking.
 */
export async function openExistingSession(context: CliContext): Promise<LastingSession | undefined> {
  const embedded = resolveConnection(context.config).kind === 'embedded';
  if (embedded && !(await observeServer(context.config))) return undefined;
  return lasting(context, async () => embedded || (await observeWorker(context.config)) !== undefined);
}

async function lasting(context: CliContext, wantsWorker: () => Promise<boolean>): Promise<LastingSession> {
  let current = await open(context, wantsWorker);
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
    webUi: (environment) => current.webUi(environment),
    isAlive: () => current.isAlive(),
    close: () => current.close(),
    revive: async (note) => {
      note(context.paint('yellow', 'The Temporal server or its worker does not answer; looking after them.'));
      await current.close().catch(() => undefined);
      // Who draws in the terminal meanwhile draws what is noted, too.
      current = await open({ ...context, note, terminal: undefined }, wantsWorker);
    },
  };
}

async function open(context: CliContext, wantsWorker: () => Promise<boolean>): Promise<Session> {
  const { config, signal } = context;
  const resolved = resolveConnection(config);
  await requireWritable(config.stateDir, stateFolder);
  const say = progressNotes(context);
  const server = resolved.kind === 'embedded' ? await startServer(context, say) : undefined;
  const settings = resolved.kind === 'external' ? resolved.settings : embeddedSettings(server?.address ?? '');
  // First the server: without one a worker would only die, and with a stack trace.
  const connection = await connectClient(settings);
  try {
    const hasWorker = await wantsWorker();
    if (hasWorker) {
      const worker = await ensureWorker({ config, connection: settings, signal });
      if (worker.startedNow) say(`Worker started (pid ${String(worker.pid)})`);
    }
    if (resolved.kind === 'external') {
      const { warning } = await ensureSearchAttributes(connection, settings.namespace);
      if (warning !== undefined) say(warning);
    }
    return {
      client: new Client({ connection, namespace: settings.namespace }),
      settings,
      hostId: await hostId(config.stateDir),
      hasWorker,
      webUi: (environment) =>
        server &&
        `${server.uiUrl}/namespaces/${settings.namespace}/workflows/${environmentWorkflowId(environment)}`,
      isAlive: async () => {
        const [worker, serves] = await Promise.all([
          !hasWorker || observeWorker(config).then((it) => it?.running ?? false),
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

async function startServer({ config, signal }: CliContext, say: OnProgress): Promise<EnsuredServer> {
  const server = await ensureServer({ config, signal, onProgress: say });
  await markServerUsed(config);
  if (server.startedNow) {
    say(`Temporal server started on ${server.address} (pid ${String(server.pid)})`);
    if (server.note !== undefined) say(server.note);
  }
  return server;
}
