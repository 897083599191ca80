import { z } from 'zod';
import { TracewrightError } from '../domain/failure.js';
import { normaliseId, traceIdDigits, type Trace } from '../domain/trace.js';
import { parseTrace } from '../domain/trace-json.js';
import type { SearchHit } from '../domain/proof.js';
import {
  addressText,
  answerText,
  type HttpAnswer,
  type ProofKube,
  type ServiceAddress,
} from './cluster-access.js';

/** A GET to Tempo: directly, or through a datasource of Grafana. */
export type TempoGet = (path: string, signal: AbortSignal) => Promise<HttpAnswer>;

export interface SearchWindow {
  /** Seconds since 1970. Without a window Tempo searches only what is recent. */
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Traces in the answer. */
  readonly limit: number;
}

export interface Tempo {
  /**
   * @returns undefined when Tempo does not know the id.
   * @throws TracewrightError `proof.trace-missing`, `trace.unreadable`
   */
  traceById(id: string, signal: AbortSignal): Promise<Trace | undefined>;
  /** @throws TracewrightError `proof.search-silent`, not retryable when Tempo refuses the query */
  search(query: string, signal: AbortSignal, window?: SearchWindow): Promise<readonly SearchHit[]>;
}

/** @param where how errors name it: `tempo.tracing:3100` */
export function createTempo(get: TempoGet, where: string): Tempo {
  return {
    async traceById(id, signal) {
      // v1 is there in every Tempo; v2 came with 2.6.
      const answer = await get(`/api/traces/${id}`, signal);
      if (answer.status === 200) return parseTrace(answer.body);
      if (answer.status === 404) return undefined;
      throw new TracewrightError({
        type: 'proof.trace-missing',
        message: `Tempo at ${where} does not answer by trace id: ${answerText(answer)}.`,
        remedy: 'Look at the pod and the log of Tempo; /ready says what it waits for.',
      });
    },
    async search(query, signal, window) {
      const answer = await get(`/api/search?${searchParams(query, window)}`, signal);
      if (answer.status === 200) return parseHits(answer.body);
      const refused = answer.status === 400;
      throw new TracewrightError({
        type: 'proof.search-silent',
        message: `Tempo at ${where} ${refused ? `refuses the query ${query}` : 'does not answer a search'}: ${answerText(answer)}.`,
        remedy: refused
          ? 'Correct the TraceQL. Tempo knows it from 2.0 on; later versions know more of it.'
          : 'Look at the pod and the log of Tempo; /ready says what it waits for.',
        ...(refused && { retryable: false }),
      });
    },
  };
}

/** Tempo behind a Service, through the proxy of the API server. */
export function tempoAt(kube: ProofKube, address: ServiceAddress): Tempo {
  const get: TempoGet = (path, signal) => kube.serviceRequest(address, path, { timeoutMs: 10_000, signal });
  return createTempo(get, addressText(address));
}

function searchParams(query: string, window: SearchWindow | undefined): string {
  const params = new URLSearchParams({ q: query });
  if (window) {
    params.set('start', String(Math.floor(window.startSeconds)));
    params.set('end', String(Math.ceil(window.endSeconds)));
    params.set('limit', String(window.limit));
  }
  // Tempo 2.0 takes "+" for a plus, not for a space.
  return params.toString().replaceAll('+', '%20');
}

/** Zero values are left out of the JSON: a trace shorter than 1 ms has no `durationMs`, an empty answer no `traces`. */
const hits = z.looseObject({
  traces: z
    .array(
      z.looseObject({
        traceID: z.string(),
        rootServiceName: z.string().default(''),
        rootTraceName: z.string().default(''),
        startTimeUnixNano: z.string().default('0'),
        durationMs: z.number().default(0),
      }),
    )
    .nullish(),
});

function parseHits(body: string): SearchHit[] {
  const parsed = hits.safeParse(safeJson(body));
  if (!parsed.success) {
    throw new TracewrightError({
      type: 'proof.search-silent',
      message: 'The answer to the search is not one of Tempo.',
      remedy: 'Check that the address of the stack file is that of Tempo.',
      evidence: [body.slice(0, 200)],
      retryable: false,
    });
  }
  return (parsed.data.traces ?? []).flatMap((trace) => {
    const traceId = normaliseId(trace.traceID, traceIdDigits);
    if (traceId === undefined) return [];
    const {
      rootServiceName: rootService,
      rootTraceName: rootName,
      durationMs,
      startTimeUnixNano: startNs,
    } = trace;
    return [{ traceId, rootService, rootName, durationMs, startNs }];
  });
}

function safeJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
