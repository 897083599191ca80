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
  /** The same session anew, with whatever had died started again. */
  reopen(): Promise<Session>;
  close(): Promise<void>;
}

/**
 * Connects. The embedded Temporal server and the background worker are started where they do not run, so that any
 * command heals what was killed.
 * @throws TracewrightError `temporal.*`, `download.*`, `tool.missing`, `state.*`
 */
export async function openSession(context: CliContext): Promise<Session> {
  return open(context, () => Promise.resolve(true));
}

/**
 * As `openSession`, for commands that start no environment: `undefined` where no embedded server was ever started or it
 * was stopped with the last environment. Behind a server of one's own a worker is brought back where there was one, and
 * no machine becomes a worker by looking.
 */
export async function openExistingSession(context: CliContext): Promise<Session | undefined> {
  const embedded = resolveConnection(context.config).kind === 'embedded';
  if (embedded && !(await observeServer(context.config))) return undefined;
  return open(context, async () => embedded || (await observeWorker(context.config)) !== undefined);
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
      reopen: () => open(context, wantsWorker),
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
