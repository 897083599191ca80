import { Client } from '@temporalio/client';
import { connectClient } from '../temporal/client-connection.js';
import { embeddedSettings, resolveConnection, type ConnectionSettings } from '../temporal/connection.js';
import { ensureSearchAttributes } from '../temporal/search-attributes.js';
import { ensureServer, isServerRunning, observeServer } from '../temporal/server.js';
import { ensureWorker, observeWorker } from '../temporal/worker-process.js';
import { requireWritable, stateFolder } from '../tools/writable-folder.js';
import type { CliContext } from './context.js';
import { environmentWorkflowId } from '../domain/names.js';

/** A connection to the Temporal server, with the background worker of this machine behind it. */
export interface Session {
  readonly client: Client;
  readonly settings: ConnectionSettings;
  /** The page of an environment in the Temporal Web UI, where we know it: for the embedded server. */
  webUi(environment: string): string | undefined;
  /** Whether the processes behind it live, as far as they are ours. Takes about 2 ms. */
  isAlive(): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Connects. The embedded Temporal server and the background worker are started where they do not run, so that any
 * command heals what was killed.
 * @throws TracewrightError `temporal.*`, `download.*`, `tool.missing`, `state.*`
 */
export async function openSession({ config, note, paint, signal }: CliContext): Promise<Session> {
  const resolved = resolveConnection(config);
  await requireWritable(config.stateDir, stateFolder);
  const say = (text: string): void => {
    note(paint('dim', text));
  };
  const server =
    resolved.kind === 'embedded' ? await ensureServer({ config, signal, onProgress: say }) : undefined;
  if (server?.startedNow) {
    say(`Temporal server started on ${server.address} (pid ${String(server.pid)})`);
    if (server.note !== undefined) say(server.note);
  }
  const settings = resolved.kind === 'external' ? resolved.settings : embeddedSettings(server?.address ?? '');
  // First the server: without one a worker would only die, and with a stack trace.
  const connection = await connectClient(settings);
  const worker = await ensureWorker({ config, connection: settings, signal }).catch(
    async (error: unknown) => {
      await connection.close();
      throw error;
    },
  );
  if (worker.startedNow) say(`Worker started (pid ${String(worker.pid)})`);
  if (resolved.kind === 'external') {
    const { warning } = await ensureSearchAttributes(connection, settings.namespace);
    if (warning !== undefined) say(warning);
  }
  return {
    client: new Client({ connection, namespace: settings.namespace }),
    settings,
    webUi: (environment) =>
      server &&
      `${server.uiUrl}/namespaces/${settings.namespace}/workflows/${environmentWorkflowId(environment)}`,
    isAlive: async () => {
      const [worker, server] = await Promise.all([
        observeWorker(config),
        !settings.embedded || isServerRunning(config),
      ]);
      return server && (worker?.running ?? false);
    },
    close: () => connection.close(),
  };
}

/** As `openSession`, but `undefined` where no embedded server was ever started or it was stopped with the last environment. */
export async function openExistingSession(context: CliContext): Promise<Session | undefined> {
  const embedded = resolveConnection(context.config).kind === 'embedded';
  if (embedded && !(await observeServer(context.config))) return undefined;
  return openSession(context);
}
