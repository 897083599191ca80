import { TracewrightError } from '../domain/failure.js';
import { windowOf } from './check-tempo.js';
import type { ServiceAddress } from './cluster-access.js';
import { connectGrafana, type Grafana, type GrafanaLogin } from './grafana.js';
import { poll } from './poll.js';
import type { CheckContext, ProofRun } from './run.js';

export interface GrafanaCheck {
  readonly address: ServiceAddress;
  readonly datasource: string;
  /** Read when it is needed, so that no password lives longer than the check. */
  readonly login: (() => Promise<GrafanaLogin | undefined>) | undefined;
  /** Resolves when Tempo itself has answered by id and by TraceQL: what fails from then on is Grafana's. */
  readonly tempoAnswered: Promise<unknown>;
}

/**
 * The datasource is there and healthy, and finds our trace by id and by TraceQL, as a panel of Grafana would.
 * @returns what was seen
 * @throws TracewrightError `proof.grafana-failed`, `cluster.unreachable`, `step.cancelled`
 */
export async function checkGrafana(
  run: ProofRun,
  check: GrafanaCheck,
  { signal, note }: CheckContext,
): Promise<string> {
  const login = await check.login?.();
  await Promise.race([check.tempoAnswered, aborted(signal)]);
  const result = await poll(
    async () => {
      const grafana = await connectGrafana(run.kube, check.address, login, signal);
      const uid = await grafana.datasourceUid(check.datasource, signal);
      await grafana.checkHealth(uid, signal);
      return lookThrough(run, grafana, uid, signal);
    },
    { deadlineMs: run.limits.grafanaMs, signal, onLook: note },
  );
  if ('found' in result)
    return `Grafana ${result.found.version}, as ${result.found.as}: datasource ${check.datasource} healthy, by id and by TraceQL`;
  throw result.error ? asGrafana(result.error, check.datasource) : silent(check.datasource, result.seen);
}

async function lookThrough(
  run: ProofRun,
  grafana: Grafana,
  uid: string,
  signal: AbortSignal,
): Promise<{ found: Grafana } | { seen: string }> {
  const tempo = grafana.tempo(uid);
  const { traceId } = run.identity;
  const trace = await tempo.traceById(traceId, signal);
  if (!trace) return { seen: 'the datasource does not know the trace' };
  const hits = await tempo.search(run.spec.traceql, signal, windowOf(run));
  return hits.some((hit) => hit.traceId === traceId)
    ? { found: grafana }
    : { seen: 'the search through the datasource does not find the trace' };
}

/** A Tempo that answers us but not Grafana is Grafana's matter: the error is named after the hop that it shows. */
function asGrafana(error: TracewrightError, datasource: string): TracewrightError {
  if (error.type === 'proof.grafana-failed' || !error.type.startsWith('proof.')) return error;
  const { message, retryable, evidence } = error;
  return new TracewrightError({
    type: 'proof.grafana-failed',
    message,
    remedy: hopRemedy(datasource),
    retryable,
    evidence,
    cause: error,
  });
}

function silent(datasource: string, seen: string): TracewrightError {
  return new TracewrightError({
    type: 'proof.grafana-failed',
    message: `Tempo has the trace, but Grafana does not show it: ${seen}.`,
    remedy: hopRemedy(datasource),
  });
}

function hopRemedy(datasource: string): string {
  return `The hop Grafana → Tempo is broken: check that the URL of the datasource ${datasource} is that of this Tempo, and not of another one.`;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener(
      'abort',
      () => {
        resolve();
      },
      { once: true },
    );
  });
}
