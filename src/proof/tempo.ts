import { z } from 'zod';
import { TracewrightError } from '../domain/failure.js';
import { normaliseId, traceIdDigits, type Trace } from '../domain/trace.js';
import { parseTrace } from '../domain/trace-json.js';
import type { SearchHit } from '../domain/proof.js';
import { answerText, type HttpAnswer, type ProofKube, storeText, type StoreSpec } from './cluster-access.js';

/** A GET to Tempo: directly, or through a datasource of Grafana. */
type TempoGet = (path: string, signal: AbortSignal) => Promise<HttpAnswer>;

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
  /**
   * What a query can ask for, as it is written in TraceQL: `span.http.method`, `duration`.
   * @throws TracewrightError `proof.search-silent`
   */
  fields(signal: AbortSignal): Promise<readonly string[]>;
  /**
   * The values that a field has in recent traces, as they are written in TraceQL: texts in quotes, words and numbers bare.
   * @throws TracewrightError `proof.search-silent`
   */
  valuesOf(field: string, signal: AbortSignal): Promise<readonly string[]>;
}

/** @param where how errors name it: `Tempo at tempo.tracing:3100` */
export function createTempo(get: TempoGet, where: string): Tempo {
  const silent = (answer: HttpAnswer, what: string): TracewrightError =>
    new TracewrightError({
      type: 'proof.search-silent',
      message: `${where} does not answer ${what}: ${answerText(answer)}.`,
      ...refusalOf(answer),
    });
  /** Scopes and types came with 2.2 and a second version of the path. */
  const newest = async (path: string, tail: string, signal: AbortSignal): Promise<unknown> => {
    let answer = await get(`/api/v2/search/${path}/${tail}`.replace(/\/$/u, ''), signal);
    if (answer.status === 404) {
      const bare = tail.replace(/^(?:span|resource|event|link|instrumentation)?\./u, '');
      answer = await get(`/api/search/${path}/${bare}`.replace(/\/$/u, ''), signal);
    }
    if (answer.status === 200) return safeJson(answer.body);
    throw silent(answer, 'which attributes there are');
  };
  return {
    async fields(signal) {
      const { scopes, tagNames } = tags.parse(await newest('tags', '', signal));
      const scoped = scopes.flatMap(({ name, tags: names }) =>
        names.map((it) => (name === 'intrinsic' ? it : `${name}.${attributeText(it)}`)),
      );
      return scopes.length > 0 ? scoped : tagNames.map((it) => `.${attributeText(it)}`);
    },
    async valuesOf(field, signal) {
      const name = encodeURIComponent(field.replaceAll('"', ''));
      const { tagValues } = values.parse(await newest('tag', `${name}/values`, signal));
      return tagValues.map(({ type, value }) => (type === 'string' ? JSON.stringify(value) : value));
    },
    async traceById(id, signal) {
      // v1 is there in every Tempo; v2 came with 2.6.
      const answer = await get(`/api/traces/${id}`, signal);
      if (answer.status === 200) return parseTrace(answer.body);
      if (answer.status === 404) return undefined;
      throw new TracewrightError({
        type: 'proof.trace-missing',
        message: `${where} does not answer by trace id: ${answerText(answer)}.`,
        ...refusalOf(answer),
      });
    },
    async search(query, signal, window) {
      if (query.trim() === '') throw emptyQuery();
      const answer = await get(`/api/search?${searchParams(query, window)}`, signal);
      if (answer.status === 200) return parseHits(answer.body);
      const refused = answer.status === 400;
      if (!refused) throw silent(answer, 'a search');
      throw new TracewrightError({
        type: 'proof.search-silent',
        message: `${where} refuses the query ${oneLine(query)}: ${answerText(answer)}.`,
        remedy: queryRemedy(query),
        retryable: false,
      });
    },
  };
}

/** Tempo behind a Service, through the proxy of the API server. */
export function tempoAt(kube: ProofKube, store: StoreSpec): Tempo {
  const headers = tenantHeaders(store);
  const get: TempoGet = (path, signal) =>
    kube.serviceRequest(store, path, { headers, timeoutMs: 10_000, signal });
  return createTempo(get, storeText(store));
}

/** How a store that keeps tenants apart is told whose traces are asked for. */
function tenantHeaders({ tenant }: StoreSpec): Readonly<Record<string, string>> {
  return tenant === undefined ? {} : { 'x-scope-orgid': tenant };
}

/** A query as people read it within a sentence; what is sent keeps its line breaks. */
export function oneLine(query: string): string {
  return query.replace(/\s+/gu, ' ').trim();
}

/** What to do about an answer that is none of those which Tempo gives when all is well, and whether waiting helps. */
function refusalOf({ status, body }: HttpAnswer): { readonly remedy: string; readonly retryable?: false } {
  if (/\bno org id\b/iu.test(body))
    return {
      remedy:
        'It keeps tenants apart: set proof.tempo.tenant in the stack file to the tenant that the exporter of the collector names in its header X-Scope-OrgID.',
      retryable: false,
    };
  switch (status) {
    case 401:
    case 403:
      return {
        remedy:
          'Something in front of it wants credentials: set proof.tempo in the stack file to the Service of the store itself (of tempo-distributed the query-frontend).',
        retryable: false,
      };
    case 413:
    case 422:
      return {
        remedy:
          'The trace is larger than it gives out: raise max_bytes_per_trace in its overrides, and the message sizes of its gRPC servers and clients.',
        retryable: false,
      };
    case 404:
      return {
        remedy:
          "Something else than Tempo's query API answers there: correct proof.tempo in the stack file (of tempo-distributed it is the query-frontend).",
      };
    default:
      return { remedy: 'Look at its pod and its log; /ready says what it waits for.' };
  }
}

function queryRemedy(query: string): string {
  return isMetricsQuery(query)
    ? 'It is a metrics query, and searches find traces: leave out what stands behind the last spans, such as "| rate()".'
    : 'Correct the TraceQL. Tempo knows it from 2.0 on; later versions know more of it.';
}

/** `{ } | rate() by (name)`: what makes numbers, which a search cannot answer. */
function isMetricsQuery(query: string): boolean {
  const code = query.replace(/"(?:[^"\\]|\\.)*"|`[^`]*`|\/\/.*|\/\*[\s\S]*?\*\//gu, ' ');
  return /\|\s*(?:rate|compare|\w+_over_time)\s*\(/u.test(code);
}

function emptyQuery(): TracewrightError {
  return new TracewrightError({
    type: 'usage.invalid',
    message: 'The TraceQL query is empty.',
    remedy: 'Give one, such as { status = error }; {} finds all traces.',
  });
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

/** Numbers stand as texts and texts as numbers, as it pleases whoever encodes them. */
const text = z
  .union([z.string(), z.number()])
  .nullish()
  .transform((it) => String(it ?? ''));

const number = text.transform((it) => (Number.isFinite(Number(it)) ? Number(it) : 0));

const texts = z
  .array(text)
  .nullish()
  .transform((it) => it ?? []);
const tags = z
  .looseObject({
    scopes: z.array(z.looseObject({ name: text, tags: texts })).nullish(),
    tagNames: texts,
  })
  .transform(({ scopes, tagNames }) => ({ scopes: scopes ?? [], tagNames }))
  .catch({ scopes: [], tagNames: [] });
/** The first version of the path knows texts only, without their types. */
const values = z
  .looseObject({
    tagValues: z
      .array(
        z.union([
          z.string().transform((value) => ({ type: 'string', value })),
          z.looseObject({ type: text, value: text }),
        ]),
      )
      .nullish(),
  })
  .transform(({ tagValues }) => ({ tagValues: tagValues ?? [] }))
  .catch({ tagValues: [] });

/** In quotes where it has other signs than TraceQL takes without. */
function attributeText(name: string): string {
  return /^[\p{L}\d_.\-/]+$/u.test(name) ? name : JSON.stringify(name);
}

/** Zero values are left out of the JSON: a trace shorter than 1 ms has no `durationMs`, an empty answer no `traces`. */
const hits = z.looseObject({
  traces: z
    .array(
      z.looseObject({
        traceID: text,
        rootServiceName: text,
        rootTraceName: text,
        startTimeUnixNano: text.transform((it) => it || '0'),
        durationMs: number,
        // From 2.6 on.
        serviceStats: z
          .record(z.string(), z.looseObject({ spanCount: number, errorCount: number }))
          .nullish()
          .catch(undefined),
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
      serviceStats,
    } = trace;
    const stats = Object.values(serviceStats ?? {});
    const counts = stats.length > 0 && {
      spans: stats.reduce((sum, { spanCount }) => sum + spanCount, 0),
      failed: stats.some(({ errorCount }) => errorCount > 0),
    };
    return [{ traceId, rootService, rootName, durationMs, startNs, ...counts }];
  });
}

function safeJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
