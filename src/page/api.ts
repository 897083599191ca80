import { z } from 'zod';
import { TracewrightError } from '../domain/failure.js';
import { normaliseId, type Trace, traceIdDigits } from '../domain/trace.js';
import type { ProofSpec } from '../domain/stack.js';
import { checkById } from '../proof/check-tempo.js';
import { storeText, type ProofKube } from '../proof/cluster-access.js';
import { hotrodCustomers, takeRide } from '../proof/hotrod.js';
import { newTraceIdentity, sendRootSpan } from '../proof/root-span.js';
import { defaultLimits, type ProofRun } from '../proof/run.js';
import { tempoAt, type SearchWindow, type Tempo } from '../proof/tempo.js';
import type { Api, ApiCall } from './server.js';
import type { PageFacts, RideAnswer, SearchAnswer, StatusAnswer } from './wire.js';

export interface PageSource {
  readonly kube: ProofKube;
  readonly spec: ProofSpec;
  readonly facts: PageFacts;
  /** The environment as it is now. */
  status(signal: AbortSignal): Promise<StatusAnswer>;
}

/** Of rides that the page has asked for, so many are known by their ids. */
const ridesKept = 50;

/** What the page can ask for. The store is asked anew each time: nothing is kept but the ids of rides. */
export function createApi({ kube, spec, facts, ...source }: PageSource): Api {
  const tempo = tempoAt(kube, spec.tempo);
  const rides = new Map<string, ProofRun>();
  return async ({ method, path, query, body, signal }: ApiCall): Promise<object | undefined> => {
    const [what, id = '', ...more] = path;
    if (more.length > 0) return undefined;
    if (method === 'POST') {
      if (what !== 'ride' || id !== '') return undefined;
      const asked = rideBody.safeParse(body);
      if (!asked.success) throw senseless('a ride');
      const { customer } = asked.data;
      const { answer, run } = await ride({ kube, spec, facts }, customer, signal);
      rides.set(answer.traceId, run);
      for (const old of [...rides.keys()].slice(0, -ridesKept)) rides.delete(old);
      return answer;
    }
    switch (what) {
      case 'facts':
        return facts;
      case 'status':
        return source.status(signal);
      case 'search':
        return search(tempo, query, signal);
      case 'fields':
        return tempo.fields(signal);
      case 'values':
        return tempo.valuesOf(id, signal);
      case 'trace':
        return traceById(tempo, spec, id, signal);
      case 'ride': {
        const run = rides.get(id);
        return run && whole(run, tempo, signal);
      }
      default:
        return undefined;
    }
  };
}

const rideBody = z.object({
  customer: z.int().refine((it) => it in hotrodCustomers, 'is none of HotROD’s customers'),
});

interface Answered {
  readonly answer: RideAnswer;
  readonly run: ProofRun;
}

/** A ride like that of the proof, for another customer: our own root span makes its trace whole. */
async function ride(
  { kube, spec, facts }: Pick<PageSource, 'kube' | 'spec' | 'facts'>,
  customer: number,
  signal: AbortSignal,
): Promise<Answered> {
  const customerName = hotrodCustomers[customer] ?? '';
  const taken = await takeRide({
    kube,
    spec: { ...spec.ride, customer, customerName },
    newIdentity: () => newTraceIdentity(),
    rideMs: defaultLimits.rideMs,
    startMs: defaultLimits.rideStartMs,
    signal,
  });
  const { identity, startMs, endMs } = taken;
  const span = {
    ...identity,
    name: `ride for ${customerName}`,
    startMs,
    endMs,
    attributes: { 'tracewright.stack': facts.stack, 'tracewright.customer': String(customer) },
  };
  await sendRootSpan(kube, spec.collector, span, signal);
  const { driver, etaSeconds, durationMs } = taken.ride;
  return {
    answer: { traceId: identity.traceId, driver, etaSeconds, durationMs },
    run: {
      kube,
      spec,
      stackName: facts.stack,
      identity,
      rideStartMs: startMs,
      rideEndMs: endMs,
      limits: defaultLimits,
    },
  };
}

/** The trace of a ride, once all of its spans are there; what there is of it, where they do not come. */
async function whole(run: ProofRun, tempo: Tempo, signal: AbortSignal): Promise<Trace> {
  try {
    return await checkById(run, { signal, note: () => undefined });
  } catch (error) {
    const part = await tempo.traceById(run.identity.traceId, signal).catch(() => undefined);
    if (part) return part;
    throw error;
  }
}

async function traceById(
  tempo: Tempo,
  { tempo: store }: ProofSpec,
  text: string,
  signal: AbortSignal,
): Promise<Trace> {
  const id = normaliseId(text, traceIdDigits);
  if (id === undefined) {
    throw new TracewrightError({
      type: 'usage.invalid',
      message: `"${text}" is not a trace id: that has up to 32 hexadecimal digits.`,
      remedy: 'Search for the trace.',
    });
  }
  const trace = await tempo.traceById(id, signal);
  if (trace) return trace;
  throw new TracewrightError({
    type: 'trace.not-found',
    message: `${storeText(store)} does not know the trace ${id}.`,
    remedy: 'A new trace is there after some seconds, an old one is forgotten. Search for one that is there.',
  });
}

const seconds = z.coerce
  .number()
  .min(0)
  .max(2 ** 32);
const searchQuery = z.object({
  q: z.string().max(10_000),
  start: seconds,
  end: seconds,
  limit: z.coerce.number().int().min(1).max(1_000).default(200),
});

async function search(tempo: Tempo, query: URLSearchParams, signal: AbortSignal): Promise<SearchAnswer> {
  const parsed = searchQuery.safeParse(Object.fromEntries(query));
  if (!parsed.success) throw senseless('a search');
  const { q, start, end, limit } = parsed.data;
  const window: SearchWindow = { startSeconds: start, endSeconds: end, limit };
  const hits = [...(await tempo.search(q, signal, window))].sort((a, b) => b.durationMs - a.durationMs);
  if (hits.every(({ failed }) => failed !== undefined)) return { hits };
  // An older Tempo does not tell which traces have errors.
  const failed = await tempo.search('{ status = error }', signal, { ...window, limit: 1_000 });
  const ids = new Set(failed.map(({ traceId }) => traceId));
  return { hits: hits.map((hit) => ({ ...hit, failed: ids.has(hit.traceId) })) };
}

function senseless(what: string): TracewrightError {
  return new TracewrightError({
    type: 'usage.invalid',
    message: `The page asked for ${what} that makes no sense.`,
    remedy: 'Load it again; correct the address if you wrote it.',
  });
}
