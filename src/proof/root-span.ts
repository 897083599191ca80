import { randomBytes } from 'node:crypto';
import { TracewrightError } from '../domain/failure.js';
import { otlpJson } from '../domain/trace-json.js';
import type { Stack } from '../domain/stack.js';
import { nanoseconds, type RawSpan } from '../domain/trace.js';
import { addressText, answerText, logCommand, type ProofKube } from './cluster-access.js';

/** The service name of our own span, by which it is told from the spans of the stack. */
export const ownService = 'tracewright';

export interface TraceIdentity {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits: our own root span, the parent of the ride. */
  readonly rootSpanId: string;
}

/** @param random @default the cryptographic source of Node */
export function newTraceIdentity(random: (bytes: number) => Uint8Array = randomBytes): TraceIdentity {
  const hex = (bytes: number): string => Buffer.from(random(bytes)).toString('hex');
  return { traceId: hex(16), rootSpanId: hex(8) };
}

/** The W3C header that makes a server's spans children of our root span, and sampled. */
export function traceparent({ traceId, rootSpanId }: TraceIdentity): string {
  return `00-${traceId}-${rootSpanId}-01`;
}

interface RootSpan extends TraceIdentity {
  /** `prove embedded`. */
  readonly name: string;
  /** Milliseconds since 1970, fractions allowed. */
  readonly startMs: number;
  readonly endMs: number;
  /**
   * No HTTP status among them: with one, the tutorial's TraceQL would find the trace by our span alone, and so say
   * nothing about HotROD's.
   */
  readonly attributes: Readonly<Record<string, string>>;
}

/**
 * Sends our root span to the collector, over OTLP as JSON: it completes the trace of the ride, and proves the OTLP
 * receiver beside HotROD's Jaeger one.
 * @throws TracewrightError `proof.collector-silent`, `cluster.unreachable`
 */
export async function sendRootSpan(
  kube: ProofKube,
  collector: Stack['proof']['collector'],
  span: RootSpan,
  signal: AbortSignal,
): Promise<void> {
  const { traceId, rootSpanId, name, startMs, endMs, attributes } = span;
  const own = {
    id: rootSpanId,
    service: ownService,
    name,
    kind: 'client',
    status: 'ok',
    attributes,
  } as const;
  const times = { startNs: nanoseconds(startMs), endNs: nanoseconds(endMs) };
  await sendSpans(kube, collector, { traceId, spans: [{ ...own, ...times }] }, signal);
}

/**
 * Sends spans of a trace to the collector, over OTLP as JSON.
 * @throws TracewrightError `proof.collector-silent`, `cluster.unreachable`
 */
export async function sendSpans(
  kube: Pick<ProofKube, 'serviceRequest'>,
  collector: Stack['proof']['collector'],
  { traceId, spans }: { readonly traceId: string; readonly spans: readonly RawSpan[] },
  signal: AbortSignal,
): Promise<void> {
  const address = {
    namespace: collector.namespace,
    service: collector.service,
    port: collector.otlpHttpPort,
  };
  const answer = await kube.serviceRequest(address, '/v1/traces', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: otlpJson(traceId, spans),
    timeoutMs: 10_000,
    signal,
  });
  if (answer.status === 200) return;
  throw new TracewrightError({
    type: 'proof.collector-silent',
    message: `The collector at ${addressText(address)} did not take our spans over OTLP: ${answerText(answer)}.`,
    remedy:
      answer.status === 503
        ? `Nothing answers on that port. Look at the collector's pod, and whether its otlp receiver has http on 0.0.0.0:${String(address.port)}: ${logCommand(collector)}`
        : 'Check that the port in the stack file is that of the otlp receiver for HTTP, and that it is in the traces pipeline.',
  });
}
