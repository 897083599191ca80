import { TracewrightError } from '../domain/failure.js';
import { poll } from '../tools/poll.js';
import { addressText, collectorLog, logCommand } from './cluster-access.js';
import { sendRootSpan, type TraceIdentity } from './root-span.js';
import { type CheckContext, clockToleranceMs, type ProofRun } from './run.js';

/** What the log of the collector says about one trace. */
export interface LoggedTrace {
  /** Our own root span is there: the OTLP receiver and the pipeline work. */
  readonly own: boolean;
  /** How many of the others: those of HotROD, through its own receiver. */
  readonly others: number;
  /** Lines in which the collector says that it cannot pass spans on, the newest last. */
  readonly exportErrors: readonly string[];
}

/**
 * Finds the spans of a trace in what the `logging` exporter (`debug` from 0.86 on) prints with details:
 *
 *     Trace ID       : 5b8aa5a2d2c872e8321cf37308d69df2
 *     Parent ID      : 051581bf3cb55c13
 *     ID             : 5fb397be34d26b51
 *
 * On the console each stands on a line of its own; with `encoding: json` all are in the `msg` of one line.
 */
export function findLoggedTrace(log: string, { traceId, rootSpanId }: TraceIdentity): LoggedTrace {
  const text = unfolded(log);
  const block = new RegExp(`Trace ID\\s*: ${traceId}\\s[\\s\\S]{0,400}?[^t] ID\\s*: ([0-9a-f]{16})`, 'giu');
  const ids = new Set([...text.matchAll(block)].map((match) => match[1]?.toLowerCase()));
  const own = ids.delete(rootSpanId);
  return { own, others: ids.size, exportErrors: exportErrorsIn(text) };
}

/** The log as the console has it, with the lines that are JSON written out. */
function unfolded(log: string): string {
  return log
    .split('\n')
    .map((line) => {
      if (!line.startsWith('{')) return line;
      try {
        const { msg, error } = JSON.parse(line) as { readonly msg?: unknown; readonly error?: unknown };
        if (typeof msg !== 'string') return line;
        return typeof error === 'string' ? `${msg}\t${JSON.stringify({ error })}` : msg;
      } catch {
        return line;
      }
    })
    .join('\n');
}

/** The message of the collector's exporters, with the cause that it gives as JSON. */
function exportErrorsIn(log: string): string[] {
  const errors = log
    .split('\n')
    .filter((line) => line.includes('Exporting failed'))
    .map((line) => plainText(/"error":\s*("(?:[^"\\]|\\.)*")/u.exec(line)?.[1]) ?? line)
    .map((text) => text.replace(/\s+/gu, ' ').slice(0, 300));
  return [...new Set(errors)].slice(-3);
}

/** What stands between the quotes of JSON, without its escapes. */
function plainText(quoted: string | undefined): string | undefined {
  if (quoted === undefined) return undefined;
  try {
    return String(JSON.parse(quoted));
  } catch {
    return quoted.slice(1, -1);
  }
}

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
  const sinceTime = new Date(rideStartMs - clockToleranceMs);
  return findLoggedTrace(await kube.podLogs({ ...collectorLog(spec), sinceTime, signal }), identity);
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
  const logs = logCommand(collector);
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
