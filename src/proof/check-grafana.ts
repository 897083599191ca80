import { isTracewrightError, TracewrightError } from '../domain/failure.js';
import { windowOf } from './check-tempo.js';
import { addressText, storeTitle, type ServiceAddress } from './cluster-access.js';
import { anonymousViewer, connectGrafana, type Grafana, type GrafanaLogin } from './grafana.js';
import { poll } from '../tools/poll.js';
import type { CheckContext, ProofRun } from './run.js';

export interface GrafanaCheck {
  readonly address: ServiceAddress;
  readonly datasource: string;
  /** Read when it is needed, so that no password lives longer than the check. */
  readonly login: ((signal: AbortSignal) => Promise<GrafanaLogin | undefined>) | undefined;
  /** Whether people without a login are to see the trace, or not; `undefined`: either is fine. */
  readonly anonymous?: boolean | undefined;
  /** Resolves when Tempo itself has answered by id and by TraceQL: what fails from then on is Grafana's. */
  readonly tempoAnswered: Promise<unknown>;
}

/** Who saw the trace, in which Grafana. */
type Found = Pick<Grafana, 'version' | 'as'>;
type Look = { readonly found: Found } | { readonly seen: string };

/**
 * The datasource is there and healthy, and finds our trace by id and by TraceQL, as a panel of Grafana would; people
 * without a login see it or not, as the stack says.
 * @returns what was seen
 * @throws TracewrightError `proof.grafana-failed`, `cluster.unreachable`, `step.cancelled`
 */
export async function checkGrafana(
  run: ProofRun,
  check: GrafanaCheck,
  { signal, note }: CheckContext,
): Promise<string> {
  const login = await check.login?.(signal);
  await Promise.race([check.tempoAnswered, aborted(signal)]);
  const result = await poll(
    async () => {
      const seen = await lookAs(run, check, login, signal);
      if (!('found' in seen) || check.anonymous === undefined) return seen;
      return lookWithoutLogin(run, check, seen.found, signal);
    },
    { deadlineMs: run.limits.grafanaMs, signal, onLook: note },
  );
  if ('found' in result)
    return `Grafana ${result.found.version}, as ${result.found.as}: datasource ${check.datasource} healthy, by id and by TraceQL`;
  throw result.error ? asGrafana(result.error, check.datasource) : silent(run, check.datasource, result.seen);
}

/** As somebody with a login, or as the anonymous viewer. */
async function lookAs(
  run: ProofRun,
  { address, datasource }: GrafanaCheck,
  login: GrafanaLogin | undefined,
  signal: AbortSignal,
): Promise<Look> {
  const grafana = await connectGrafana(run.kube, address, login, signal);
  const uid = await grafana.datasourceUid(datasource, signal);
  await grafana.checkHealth(uid, signal);
  return lookThrough(run, grafana, uid, signal);
}

/** What people without a login get to see is what the stack promises. */
async function lookWithoutLogin(
  run: ProofRun,
  check: GrafanaCheck,
  found: Found,
  signal: AbortSignal,
): Promise<Look> {
  if (!check.anonymous) {
    await requireClosed(run, check, signal);
    return { found: { ...found, as: `${found.as} (closed without a login)` } };
  }
  if (found.as === anonymousViewer) return { found };
  const seen = await lookAs(run, check, undefined, signal);
  return 'found' in seen ? { found: { ...found, as: `${found.as} and as ${anonymousViewer}` } } : seen;
}

async function requireClosed(
  run: ProofRun,
  { address, datasource }: GrafanaCheck,
  signal: AbortSignal,
): Promise<void> {
  const grafana = await connectGrafana(run.kube, address, undefined, signal);
  try {
    await grafana.datasourceUid(datasource, signal);
  } catch (error) {
    if (isTracewrightError(error) && error.type === 'proof.grafana-failed') return;
    throw error;
  }
  throw new TracewrightError({
    type: 'proof.grafana-failed',
    message: `Grafana at ${addressText(address)} shows its datasources to people without a login, and the stack says that it does not.`,
    remedy:
      'Switch auth.anonymous off in the grafana.ini of the chart, or set proof.grafana.anonymous in the stack file to true.',
    retryable: false,
  });
}

async function lookThrough(run: ProofRun, grafana: Grafana, uid: string, signal: AbortSignal): Promise<Look> {
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

function silent({ spec }: ProofRun, datasource: string, seen: string): TracewrightError {
  return new TracewrightError({
    type: 'proof.grafana-failed',
    message: `${storeTitle(spec.tempo)} has the trace, but Grafana does not show it: ${seen}.`,
    remedy: hopRemedy(datasource),
  });
}

function hopRemedy(datasource: string): string {
  return `The hop from Grafana is broken: check that the URL of the datasource ${datasource} is that of this stack's trace store, and not of another one.`;
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
