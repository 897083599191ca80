import type { Config } from '../../config.js';
import { check, type Check, type Finding } from '../../domain/check.js';
import { connectClient } from '../../temporal/client-connection.js';
import { resolveConnection, type ConnectionSettings } from '../../temporal/connection.js';
import { choosePorts, defaultPorts } from '../../temporal/ports.js';
import { lookAtSearchAttributes } from '../../temporal/search-attributes.js';
import { observeServer } from '../../temporal/server.js';
import { observeWorker, workerPlaceOf } from '../../temporal/worker-process.js';

/** In milliseconds: for a server somewhere else to answer. */
const answerMs = 5_000;

interface TemporalChecksOptions {
  readonly signal?: AbortSignal | undefined;
  /** The machine that does the work, where it is not this one. */
  readonly elsewhere?: string | undefined;
}

/** The Temporal server that is meant, and the worker of this machine. Starts nothing. */
export async function temporalChecks(
  config: Config,
  { signal, elsewhere }: TemporalChecksOptions,
): Promise<Check[]> {
  const resolved = resolveConnection(config);
  const ofServer =
    resolved.kind === 'external' ? externalChecks(resolved.settings) : embeddedChecks(config, signal);
  const [server, worker] = await Promise.all([
    ofServer,
    check('worker', () => workerState(config, elsewhere)),
  ]);
  return [...server, worker];
}

async function externalChecks(settings: ConnectionSettings): Promise<Check[]> {
  let attributes: Finding | undefined;
  const server = await check('server', async () => {
    const connection = await connectClient(settings, { timeoutMs: answerMs });
    try {
      const { serverVersion } = await connection.workflowService.getSystemInfo({});
      attributes = await searchAttributes(connection, settings.namespace);
      return `${settings.address} (from ${settings.origin}) answers: Temporal ${serverVersion}, namespace ${settings.namespace}.`;
    } finally {
      await connection.close();
    }
  });
  const found = attributes;
  return found === undefined ? [server] : [server, await check('attributes', () => Promise.resolve(found))];
}

async function searchAttributes(
  connection: Parameters<typeof lookAtSearchAttributes>[0],
  namespace: string,
): Promise<Finding> {
  const { missing, warning } = await lookAtSearchAttributes(connection, namespace);
  if (warning !== undefined && missing.length > 0)
    return {
      state: 'warning',
      detail: warning,
      remedy:
        'Another namespace (TEMPORAL_NAMESPACE), or an operator who makes room; with Elasticsearch there is no such limit.',
    };
  if (warning !== undefined)
    return {
      state: 'warning',
      detail: 'The server does not tell whether it has our search attributes.',
      remedy: warning,
    };
  if (missing.length === 0) return 'Our search attributes are registered.';
  return {
    state: 'warning',
    detail: `The namespace ${namespace} lacks the search attributes ${missing.join(', ')}: \`up\` registers them.`,
    remedy: 'Nothing, unless an operator of the server has to do it.',
  };
}

async function embeddedChecks(config: Config, signal: AbortSignal | undefined): Promise<Check[]> {
  const server = await observeServer(config);
  const state = await check('server', () => {
    if (!server) return Promise.resolve('Embedded; it does not run, and `up` starts it.');
    const { address, pid } = server;
    if (server.state === 'serving')
      return Promise.resolve(`Embedded; it serves on ${address} (pid ${String(pid)}).`);
    const [what, does] =
      server.state === 'hung'
        ? [`lives (pid ${String(pid)}) but does not answer`, 'replaces it']
        : ['was killed', 'starts it again, with its database'];
    return Promise.resolve<Finding>({
      state: 'warning',
      detail: `The embedded server on ${address} ${what}.`,
      remedy: `Any command but doctor, diag and config ${does}. Its log: tracewright logs temporal`,
    });
  });
  signal?.throwIfAborted();
  return server ? [state] : [state, await check('ports', freePorts)];
}

/** @throws TracewrightError `port.taken` */
async function freePorts(): Promise<Finding> {
  const { port, uiPort } = await choosePorts();
  const text = `${String(port)} and ${String(uiPort)}`;
  if (port === defaultPorts.port) return `${text} are free.`;
  return {
    state: 'warning',
    detail: `${String(defaultPorts.port)} or ${String(defaultPorts.uiPort)} is taken: the server will listen on ${text}.`,
    remedy: 'Nothing. `ss -ltnp` shows who has them.',
  };
}

async function workerState(config: Config, elsewhere: string | undefined): Promise<Finding> {
  const worker = await observeWorker(workerPlaceOf(config));
  if (!worker)
    return elsewhere === undefined
      ? 'None runs here, and `up` starts it.'
      : `None runs here, and none is needed: the work is done on ${elsewhere}.`;
  const pid = String(worker.pid);
  if (worker.running && worker.ready) return `It takes tasks (pid ${pid}), since ${worker.startedAt}.`;
  return {
    state: 'warning',
    detail: worker.running
      ? `It runs (pid ${pid}), but does not take tasks yet.`
      : `It was killed (pid ${pid}).`,
    remedy: worker.running
      ? 'Wait a moment. Its log: tracewright logs worker'
      : '`up` or `status` starts the next one, which goes on where it was. Its log: tracewright logs worker',
  };
}
