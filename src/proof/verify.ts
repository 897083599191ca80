import { formatDuration } from '../domain/duration.js';
import { isTracewrightError } from '../domain/failure.js';
import type { Check, HopState, LongestTrace, Proof, Ride } from '../domain/proof.js';
import type { ManifestsSpec, ProofSpec } from '../domain/stack.js';
import type { ReleaseRef } from '../domain/release.js';
import { errors, services, type Trace } from '../domain/trace.js';
import type { Kubernetes } from '../tools/kubernetes/connection.js';
import { checkCollector } from './check-collector.js';
import { checkGrafana } from './check-grafana.js';
import { checkById, checkTraceql } from './check-tempo.js';
import { storeTitle, type ProofKube } from './cluster-access.js';
import { beginDiagnosis } from './diagnosis/diagnose.js';
import { isBrokenHop } from './diagnosis/judge.js';
import { readGrafanaLogin } from './grafana.js';
import { runHops, type Hop } from './hops.js';
import { takeRide, type RideTaken } from './hotrod.js';
import { newTraceIdentity } from './root-span.js';
import { defaultLimits, type ProofLimits, type ProofRun } from './run.js';

export interface ProveOptions {
  readonly kube: ProofKube;
  /**
   * Its objects hold Grafana's login and tell why a hop is broken.
   * @default the anonymous viewer looks, and only the hop itself tells
   */
  readonly cluster?: Kubernetes;
  readonly spec: ProofSpec;
  /** The objects that the stack file has: a broken hop may come of a change by hand. @default nobody looks */
  readonly manifests?: readonly ManifestsSpec[];
  /** The Helm releases of the stack, for the same reason. @default none */
  readonly releases?: readonly ReleaseRef[];
  /** In the name of our root span: `prove <stack>`. */
  readonly stackName: string;
  /** What goes on, in one line for people. */
  readonly onProgress?: (text: string, hops?: readonly HopState[]) => void;
  readonly signal: AbortSignal;
  /** Bytes for the ids of trace and span. @default the cryptographic source of Node */
  readonly random?: (bytes: number) => Uint8Array;
  /** @default defaultLimits */
  readonly limits?: Partial<ProofLimits>;
}

/**
 * Proves a stack: a ride in HotROD under a trace id of our own, found again in the collector's log, in Tempo by id, by
 * TraceQL, and through Grafana's datasource. The hops are looked at together, each with its own time limit; looking
 * again is for latency only.
 * @throws TracewrightError of the first hop that is broken, with what the others showed as evidence: `hop.*` where its
 *   cause was found, else `proof.*`; `cluster.unreachable`, `step.cancelled`
 */
export async function proveStack(options: ProveOptions): Promise<Proof> {
  const { cluster } = options;
  if (!cluster) return prove(options, () => undefined);
  const diagnosis = beginDiagnosis({ ...options, cluster });
  let ride: RideTaken | undefined;
  let seen: readonly HopState[] | undefined;
  const onProgress: ProveOptions['onProgress'] = (text, hops) => {
    seen = hops ?? seen;
    options.onProgress?.(text, seen);
  };
  try {
    return await prove({ ...options, onProgress }, (taken) => (ride = taken));
  } catch (error) {
    if (!isTracewrightError(error) || !isBrokenHop(error.type)) throw error;
    onProgress('looking for the broken hop');
    throw await diagnosis.explain(error, ride);
  }
}

async function prove(options: ProveOptions, onRide: (taken: RideTaken) => void): Promise<Proof> {
  const { kube, spec, signal, onProgress } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const began = performance.now();
  const startedAt = new Date().toISOString();
  const riding = (text: string): void => onProgress?.(text, [{ name: 'ride', state: 'running', text }]);
  riding(`a ride for ${spec.ride.customerName}`);
  const taken = await takeRide({
    kube,
    spec: spec.ride,
    newIdentity: () => newTraceIdentity(options.random),
    rideMs: limits.rideMs,
    startMs: limits.rideStartMs,
    signal,
    onLook: riding,
  });
  onRide(taken);
  const { ride, identity, startMs, endMs } = taken;
  const run: ProofRun = {
    kube,
    spec,
    stackName: options.stackName,
    identity,
    rideStartMs: startMs,
    rideEndMs: endMs,
    limits,
  };

  const seen: { trace?: Trace; longest?: LongestTrace } = {};
  const hops = hopsOf(run, options, seen);
  const checks = await runHops({
    hops,
    store: storeTitle(spec.tempo),
    before: rideCheck(ride),
    signal,
    ...(onProgress && { onProgress }),
  });
  const { trace, longest } = seen;
  // Both are set by hops that have passed, else runHops has thrown.
  if (!trace || !longest) throw new Error('The verification ended without its trace.');
  return {
    traceId: identity.traceId,
    ride,
    checks,
    ...(spec.tempo.title !== undefined && { store: spec.tempo.title }),
    spans: trace.spans.length,
    services: services(trace),
    traceDurationMs: trace.durationMs,
    longest: longest.isOurs ? oursWhole(longest, trace) : longest,
    startedAt,
    tookMs: Math.round(performance.now() - began),
  };
}

/** The hops after the ride, in the order in which a trace passes them. */
function hopsOf(
  run: ProofRun,
  { spec, cluster }: ProveOptions,
  seen: { trace?: Trace; longest?: LongestTrace },
): readonly Hop[] {
  const byId = once(
    async (context: Parameters<Hop['check']>[0]) => (seen.trace = await checkById(run, context)),
  );
  const traceql = once(
    async (context: Parameters<Hop['check']>[0]) => (seen.longest = await checkTraceql(run, context)),
  );
  const { grafana } = spec;
  return [
    { name: 'collector-log', check: (context) => checkCollector(run, context) },
    { name: 'tempo-by-id', check: async (context) => traceText(await byId.start(context)) },
    { name: 'traceql', check: async (context) => longestText(await traceql.start(context)) },
    'skip' in grafana
      ? { name: 'grafana', skip: grafana.skip, check: () => Promise.resolve('') }
      : {
          name: 'grafana',
          check: (context) =>
            checkGrafana(
              run,
              {
                address: grafana,
                datasource: grafana.datasource,
                login: cluster && ((signal) => readGrafanaLogin(cluster, grafana, signal)),
                anonymous: grafana.anonymous,
                tempoAnswered: Promise.all([byId.done, traceql.done]),
              },
              context,
            ),
        },
  ];
}

/** Lets others wait for the success of something that is started elsewhere; its failure is the starter's matter. */
function once<A, T>(
  work: (argument: A) => Promise<T>,
): { start: (argument: A) => Promise<T>; done: Promise<void> } {
  const { promise: done, resolve } = withResolvers();
  return {
    done,
    start: async (argument) => {
      const result = await work(argument);
      resolve();
      return result;
    },
  };
}

/** Promise.withResolvers, which Node 20 lacks. */
function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

function rideCheck({ customerName, driver, etaSeconds, durationMs }: Ride): Check {
  const detail = `driver ${driver} is with ${customerName} in ${formatDuration(etaSeconds * 1_000)}`;
  return { name: 'ride', state: 'passed', detail, tookMs: durationMs };
}

function traceText(trace: Trace): string {
  const failed = errors(trace).length;
  const names = Object.keys(services(trace)).length;
  return `${String(trace.spans.length)} spans of ${String(names)} services${failed > 0 ? `, ${String(failed)} with errors` : ''}`;
}

function longestText({ isOurs, durationMs }: LongestTrace): string {
  return isOurs
    ? 'found, and the longest of all'
    : `found; the longest of all took ${formatDuration(durationMs)}`;
}

/** The search may have seen our trace before its last spans came: by id we know better. */
function oursWhole(longest: LongestTrace, { rootService, rootName, durationMs }: Trace): LongestTrace {
  return { ...longest, rootService, rootName, durationMs };
}
