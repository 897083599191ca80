import { TracewrightError } from '../domain/failure.js';
import type { Ride } from '../domain/proof.js';
import type { Stack } from '../domain/stack.js';
import { addressText, answerText, type HttpAnswer, type ProofKube } from './cluster-access.js';
import { poll } from '../tools/poll.js';
import { traceparent, type TraceIdentity } from './root-span.js';

/** Whom HotROD knows, by the number that its page sends. */
export const hotrodCustomers: Readonly<Record<number, string>> = {
  123: "Rachel's Floral Designs",
  392: 'Trom Chocolatier',
  567: 'Amazing Coffee Roasters',
  731: 'Japanese Desserts',
};

type RideSpec = Stack['proof']['ride'];

interface RideRequest {
  readonly kube: ProofKube;
  readonly spec: RideSpec;
  /** Called for each ride: spans of a ride that failed must not be taken for those of the next. */
  readonly newIdentity: () => TraceIdentity;
  /** In milliseconds, for one answer. */
  readonly rideMs: number;
  /** In milliseconds, for HotROD to find its own services after its start. */
  readonly startMs: number;
  readonly signal: AbortSignal;
  readonly onLook?: (seen: string) => void;
}

export interface RideTaken {
  readonly ride: Ride;
  /** The trace that HotROD's spans are in: it honours the caller's `traceparent` from 1.42.0 on. */
  readonly identity: TraceIdentity;
  /** In milliseconds since 1970. */
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * One ride. HotROD answers before its services have found each other, and for about a second such rides fail: they are
 * taken again, each under a trace of its own.
 * @throws TracewrightError `proof.ride-failed`, `cluster.unreachable`, `step.cancelled`
 */
export async function takeRide(request: RideRequest): Promise<RideTaken> {
  const { startMs: deadlineMs, signal, onLook } = request;
  const result = await poll(async () => ({ found: await rideOnce(request) }), {
    deadlineMs,
    signal,
    ...(onLook && { onLook }),
  });
  if ('found' in result) return result.found;
  throw result.error ?? failed(request.spec, { status: 0, headers: {}, body: result.seen });
}

async function rideOnce({ kube, spec, newIdentity, rideMs, signal }: RideRequest): Promise<RideTaken> {
  const identity = newIdentity();
  // The clock of the calendar once, for the start: it may be set in mid-ride, the other one never is.
  const startMs = Date.now();
  const began = performance.now();
  const answer = await kube.serviceRequest(spec, `/dispatch?customer=${String(spec.customer)}`, {
    headers: { traceparent: traceparent(identity) },
    timeoutMs: rideMs,
    signal,
  });
  const durationMs = performance.now() - began;
  const taken = answer.status === 200 ? parseRide(answer.body) : undefined;
  if (!taken) throw failed(spec, answer);
  const { customer, customerName } = spec;
  const ride = { customer, customerName, ...taken, durationMs: Math.round(durationMs) };
  return { ride, identity, startMs, endMs: startMs + durationMs };
}

function parseRide(body: string): { driver: string; etaSeconds: number } | undefined {
  try {
    const { Driver, ETA } = JSON.parse(body) as { Driver?: unknown; ETA?: unknown };
    if (typeof Driver !== 'string' || Driver === '' || typeof ETA !== 'number') return undefined;
    // HotROD gives Go's durations: nanoseconds.
    return { driver: Driver, etaSeconds: ETA / 1e9 };
  } catch {
    return undefined;
  }
}

function failed(spec: RideSpec, answer: HttpAnswer): TracewrightError {
  const isWrong =
    answer.status === 200 || answer.status === 400 || answer.status === 404 || isUnknownCustomer(answer);
  return new TracewrightError({
    type: 'proof.ride-failed',
    message: `HotROD at ${addressText(spec)} gave customer ${String(spec.customer)} no driver: ${answerText(answer)}.`,
    remedy: remedyFor(spec, answer),
    ...(isWrong && { retryable: false }),
  });
}

function isUnknownCustomer({ status, body }: HttpAnswer): boolean {
  return status === 400 || (status >= 400 && /invalid customer|customer not found/iu.test(body));
}

function remedyFor({ namespace, service, customer }: RideSpec, answer: HttpAnswer): string {
  if (isUnknownCustomer(answer)) {
    return `Give one of HotROD's customers in the stack file: ${Object.keys(hotrodCustomers).join(', ')}, not ${String(customer)}.`;
  }
  if (answer.status === 503) {
    return `No pod answers for the Service. Look at: kubectl -n ${namespace} describe service,pods`;
  }
  if (answer.status === 200 || answer.status === 404) {
    return `Something else than HotROD answers. Check the Service ${service} and its port in the stack file.`;
  }
  return `HotROD runs, but one of its services does not. Look at: kubectl -n ${namespace} describe service,pods, and at its log.`;
}
