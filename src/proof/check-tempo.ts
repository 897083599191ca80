import { formatDuration } from '../domain/duration.js';
import { TracewrightError } from '../domain/failure.js';
import { longestOf, shortfall, type LongestTrace, type SearchHit, type Shortfall } from '../domain/proof.js';
import { orphans, services, type Trace } from '../domain/trace.js';
import { exportErrors } from './check-collector.js';
import { addressText, logCommand, storeText, storeTitle } from './cluster-access.js';
import { poll } from '../tools/poll.js';
import { ownService } from './root-span.js';
import { clockToleranceMs, type CheckContext, type ProofRun } from './run.js';
import { oneLine, tempoAt, type SearchWindow, type Tempo } from './tempo.js';

/**
 * Tempo has the whole trace by its id: the spans and services that the stack promises, below our root span.
 * @throws TracewrightError `proof.trace-missing`, `proof.trace-incomplete`, `cluster.unreachable`, `step.cancelled`
 */
export async function checkById(run: ProofRun, { signal, note }: CheckContext): Promise<Trace> {
  const tempo = tempoAt(run.kube, run.spec.tempo);
  let last: Trace | undefined;
  let enoughSince: number | undefined;
  const result = await poll(
    async () => {
      last = await tempo.traceById(run.identity.traceId, signal);
      if (!last) return { seen: 'not there yet' };
      const lack = lackOf(run, last);
      if (lack !== undefined) return { seen: lack };
      enoughSince ??= performance.now();
      const missing = orphans(last).length;
      // Parents end after their children, so they may come one batch later; but a proof does not hang on the last span.
      if (missing > 0 && performance.now() - enoughSince < run.limits.settleMs)
        return { seen: `${String(missing)} parents not there yet` };
      return { found: last };
    },
    { deadlineMs: run.limits.byIdMs, signal, onLook: note },
  );
  if ('found' in result) return result.found;
  if (last && lackOf(run, last) === undefined) return last;
  if (result.error) throw result.error;
  throw last
    ? incomplete(run, lackOf(run, last) ?? '', await exportErrors(run, signal))
    : missing(run, await exportErrors(run, signal));
}

/** `12 of 35 spans of frontend, driver; missing: route`; undefined when nothing is lacking. */
function lackOf({ spec, identity }: ProofRun, trace: Trace): string | undefined {
  const counts = services(trace);
  const lack = shortfall(counts, spec.expect, ownService);
  const hasRoot = trace.spans.some((span) => span.id === identity.rootSpanId);
  if (!lack && hasRoot) return undefined;
  const names = Object.keys(counts).filter((name) => name !== ownService);
  const absent = [...(lack?.services ?? []), ...(hasRoot ? [] : ['our root span'])];
  return [
    spansText(lack, trace.spans.length - (hasRoot ? 1 : 0)) +
      (names.length > 0 ? ` of ${names.join(', ')}` : ''),
    ...(absent.length > 0 ? [`missing: ${absent.join(', ')}`] : []),
  ].join('; ');
}

function spansText(lack: Shortfall | undefined, seen: number): string {
  return lack?.spans
    ? `${String(lack.spans.seen)} of ${String(lack.spans.wanted)} spans`
    : `${String(seen)} spans`;
}

function missing(
  { spec, identity, limits, rideEndMs }: ProofRun,
  evidence: readonly string[],
): TracewrightError {
  const seconds = String(Math.round(Math.max(limits.byIdMs, Date.now() - rideEndMs) / 1_000));
  return new TracewrightError({
    type: 'proof.trace-missing',
    message: `${storeText(spec.tempo)} does not know trace ${identity.traceId}, ${seconds} s after the ride.`,
    remedy: hopToTempo(spec),
    evidence,
  });
}

function incomplete(
  { spec, identity, limits }: ProofRun,
  lack: string,
  evidence: readonly string[],
): TracewrightError {
  return new TracewrightError({
    type: 'proof.trace-incomplete',
    message: `${storeTitle(spec.tempo)} has trace ${identity.traceId}, but not whole, ${String(Math.round(limits.byIdMs / 1_000))} s after the ride: ${lack}.`,
    remedy: `A service may not send its spans, or the collector may drop some. ${hopToTempo(spec)}`,
    evidence,
  });
}

function hopToTempo({ tempo, collector }: ProofRun['spec']): string {
  return `Check the hop collector → ${storeTitle(tempo)}: the otlp exporter is in the traces pipeline, its endpoint is ${tempo.service}.${tempo.namespace}:4317 with tls.insecure, and the collector's log shows no failed exports: ${logCommand(collector)} | grep -i 'exporting failed'`;
}

/**
 * The TraceQL search of the stack finds our trace.
 * @returns the longest trace of what it finds
 * @throws TracewrightError `proof.search-silent`, `cluster.unreachable`, `step.cancelled`
 */
export async function checkTraceql(run: ProofRun, { signal, note }: CheckContext): Promise<LongestTrace> {
  const tempo = tempoAt(run.kube, run.spec.tempo);
  const { traceId } = run.identity;
  const result = await poll(
    async () => {
      // Around the ride, so that other people's traces do not crowd ours out of the answer.
      const near = await tempo.search(run.spec.traceql, signal, windowOf(run));
      if (near.some((hit) => hit.traceId === traceId)) return { found: near };
      return {
        seen: near.length === 0 ? 'finds nothing yet' : `finds ${String(near.length)} others, not ours yet`,
      };
    },
    { deadlineMs: run.limits.searchMs, signal, onLook: note },
  );
  if (!('found' in result)) throw result.error ?? searchSilent(run, result.seen);
  return longestTrace(run, tempo, result.found, signal);
}

/** Seconds since 1970, wide enough for clocks that differ. */
export function windowOf({ rideStartMs }: Pick<ProofRun, 'rideStartMs'>): SearchWindow {
  return {
    startSeconds: (rideStartMs - clockToleranceMs) / 1_000,
    endSeconds: (Date.now() + clockToleranceMs) / 1_000,
    limit: 200,
  };
}

async function longestTrace(
  run: ProofRun,
  tempo: Tempo,
  near: readonly SearchHit[],
  signal: AbortSignal,
): Promise<LongestTrace> {
  // As the tutorial asks: whatever is recent. The search has worked, so failing here would say nothing about the stack.
  const recent = await tempo.search(run.spec.traceql, signal).catch(() => []);
  const longest = longestOf([...near, ...recent]);
  if (!longest) throw searchSilent(run, 'finds nothing');
  // A search may answer from a part of a trace, without its root: by id Tempo joins the parts.
  const whole = await tempo.traceById(longest.traceId, signal).catch(() => undefined);
  const { traceId, rootService, rootName, durationMs } = { ...longest, ...whole };
  return { traceId, rootService, rootName, durationMs, isOurs: traceId === run.identity.traceId };
}

function searchSilent({ spec, identity, limits }: ProofRun, seen: string): TracewrightError {
  return new TracewrightError({
    type: 'proof.search-silent',
    message: `The search ${oneLine(spec.traceql)} at ${addressText(spec.tempo)} does not find trace ${identity.traceId} within ${formatDuration(limits.searchMs)}: it ${seen}.`,
    remedy: `${storeTitle(spec.tempo)} has the trace by id, so its ingester has not made it searchable yet: Tempo 2 takes 10 to 20 s, Tempo 3 hides the newest 30 s, a busy one takes longer. Verify again; if it stays so, check ingester.trace_idle_period and query_frontend in Tempo's configuration, and that the query fits HotROD's attributes.`,
  });
}
