import { TracewrightError } from '../domain/failure.js';
import { addressText } from './cluster-access.js';
import { findLoggedTrace, type LoggedTrace } from './collector-log.js';
import { poll } from './poll.js';
import { sendRootSpan } from './root-span.js';
import { clockToleranceMs, type CheckContext, type ProofRun } from './run.js';

/**
 * The collector takes our root span over OTLP, and its log shows that span and those of HotROD.
 * @returns what was seen
 * @throws TracewrightError `proof.collector-silent`, `cluster.unreachable`, `step.cancelled`
 */
export async function checkCollector(run: ProofRun, context: CheckContext): Promise<string> {
  const deadline = performance.now() + run.limits.collectorMs;
  const left = (): number => deadline - performance.now();
  const sent = await poll(
    async () => {
      await send(run, context.signal);
      return { found: true };
    },
    { deadlineMs: left(), signal: context.signal, onLook: context.note },
  );
  if (!('found' in sent)) throw sent.error ?? silent(run, { own: false, others: 0, exportErrors: [] });
  let last: LoggedTrace = { own: false, others: 0, exportErrors: [] };
  const logged = await poll(
    async () => {
      last = await readLog(run, context.signal);
      return last.own && last.others > 0 ? { found: last } : { seen: seenText(last) };
    },
    { deadlineMs: left(), signal: context.signal, onLook: context.note },
  );
  if (!('found' in logged)) throw logged.error ?? silent(run, last);
  return `${String(logged.found.others)} spans of the ride and our root span in its log`;
}

async function send(
  { kube, spec, identity, stackName, rideStartMs, rideEndMs }: ProofRun,
  signal: AbortSignal,
): Promise<void> {
  const { customer } = spec.ride;
  const span = {
    ...identity,
    name: `prove ${stackName}`,
    startMs: rideStartMs,
    endMs: rideEndMs,
    attributes: { 'tracewright.stack': stackName, 'tracewright.customer': String(customer) },
  };
  await sendRootSpan(kube, spec.collector, span, signal);
}

async function readLog(
  { kube, spec, identity, rideStartMs }: ProofRun,
  signal: AbortSignal,
): Promise<LoggedTrace> {
  const { namespace, podSelector: selector } = spec.collector;
  const sinceTime = new Date(rideStartMs - clockToleranceMs);
  return findLoggedTrace(await kube.podLogs({ namespace, selector, sinceTime, signal }), identity);
}

/**
 * Why the collector could not pass spans on, by its own log: evidence for a failure behind it. Empty when the log can't
 * be read.
 */
export async function exportErrors(run: ProofRun, signal: AbortSignal): Promise<readonly string[]> {
  try {
    return (await readLog(run, signal)).exportErrors.map((error) => `collector: ${error}`);
  } catch {
    return [];
  }
}

function seenText({ own, others }: LoggedTrace): string {
  if (own) return 'only our root span in its log yet';
  return others > 0 ? 'only spans of HotROD in its log yet' : 'not in its log yet';
}

function silent(
  { spec, identity, limits }: ProofRun,
  { own, others, exportErrors: evidence }: LoggedTrace,
): TracewrightError {
  const { ride, collector } = spec;
  const { traceId } = identity;
  const seconds = String(Math.round(limits.collectorMs / 1_000));
  const logs = `kubectl -n ${collector.namespace} logs -l '${collector.podSelector}'`;
  if (own) {
    return failure(
      `HotROD took the ride but sends no spans: ${seconds} s later the collector has logged our root span of trace ${traceId}, and none of HotROD's.`,
      `The hop HotROD → collector is broken. Check the exporter variable of ${addressText(ride)} (images 1.42.0–1.48.0: OTEL_EXPORTER_JAEGER_ENDPOINT, from 1.49: OTEL_EXPORTER_OTLP_ENDPOINT), and that the collector has the matching receiver in its traces pipeline. HotROD's log names failed exports.`,
      evidence,
    );
  }
  if (others > 0) {
    return failure(
      `The collector accepted our root span of trace ${traceId} over OTLP, but ${seconds} s later its log has only the ${String(others)} spans of HotROD.`,
      `Check that the otlp receiver is in the traces pipeline of the collector, and that no processor drops spans: ${logs}`,
      evidence,
    );
  }
  return failure(
    `The collector accepted our root span, but ${seconds} s later its log shows nothing of trace ${traceId}.`,
    `Check that its traces pipeline has the logging exporter with loglevel debug (debug with verbosity detailed from 0.86 on), and that the selector ${collector.podSelector} finds its pods: ${logs}`,
    evidence,
  );
}

function failure(message: string, remedy: string, evidence: readonly string[]): TracewrightError {
  return new TracewrightError({ type: 'proof.collector-silent', message, remedy, evidence });
}
