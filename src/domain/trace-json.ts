import { z } from 'zod';
import { TracewrightError } from './failure.js';
import { normaliseId, spanIdDigits, traceIdDigits, traceOf } from './trace.js';
import type { AttributeValue, RawSpan, SpanKind, SpanStatus, Trace } from './trace.js';

/**
 * OTLP in JSON as Tempo answers it: v1 (`batches`), v2 (`trace` around it) and OTLP's own names, with the older
 * `instrumentationLibrarySpans`. Numbers stand as strings, enumerations as names or numbers, ids as base64 or
 * hexadecimal digits.
 */
const value = z.looseObject({
  stringValue: z.string().optional(),
  intValue: z.union([z.string(), z.number()]).optional(),
  doubleValue: z.number().optional(),
  boolValue: z.boolean().optional(),
});
const attributes = z.array(z.looseObject({ key: z.string(), value: value.optional() })).default([]);
const nanoseconds = z.union([z.string().regex(/^\d+$/u), z.int().transform(String)]);
const span = z.looseObject({
  traceId: z.string().default(''),
  spanId: z.string(),
  parentSpanId: z.string().default(''),
  name: z.string().default(''),
  kind: z.union([z.string(), z.number()]).default(0),
  startTimeUnixNano: nanoseconds.default('0'),
  endTimeUnixNano: nanoseconds.default('0'),
  attributes,
  events: z.array(z.looseObject({ attributes })).default([]),
  status: z
    .looseObject({ code: z.union([z.string(), z.number()]).default(0), message: z.string().default('') })
    .default({
      code: 0,
      message: '',
    }),
});
const scope = z.looseObject({ spans: z.array(span).default([]) });
const batch = z.looseObject({
  resource: z.looseObject({ attributes }).default({ attributes: [] }),
  scopeSpans: z.array(scope).optional(),
  instrumentationLibrarySpans: z.array(scope).optional(),
});
const batches = z.looseObject({
  batches: z.array(batch).optional(),
  resourceSpans: z.array(batch).optional(),
});

type JsonSpan = z.infer<typeof span>;
type Attributes = z.infer<typeof attributes>;

const kinds = [
  'unspecified',
  'internal',
  'server',
  'client',
  'producer',
  'consumer',
] as const satisfies SpanKind[];
const statuses = ['unset', 'ok', 'error'] as const satisfies SpanStatus[];

/**
 * The trace in an answer of Tempo (`/api/traces/…` or `/api/v2/traces/…`).
 * @returns undefined when the answer holds no span: so says v2 that it does not know an id
 * @throws TracewrightError `trace.unreadable`
 */
export function parseTrace(json: string): Trace | undefined {
  const parsed = batches.safeParse(unwrapped(parseJson(json)));
  if (!parsed.success) throw unreadable(issueText(parsed.error), json);
  let traceId: string | undefined;
  const spans: RawSpan[] = [];
  const list = parsed.data.batches ?? parsed.data.resourceSpans ?? [];
  for (const { resource, scopeSpans, instrumentationLibrarySpans } of list) {
    const service = String(plain(resource.attributes)['service.name'] ?? 'unknown');
    for (const item of (scopeSpans ?? instrumentationLibrarySpans ?? []).flatMap((it) => it.spans)) {
      traceId ??= decodeId(item.traceId, traceIdDigits);
      spans.push(rawSpan(item, service, json));
    }
  }
  if (spans.length > 0 && traceId === undefined) throw unreadable('no span has a trace id', json);
  return traceId === undefined ? undefined : traceOf(traceId, spans);
}

function rawSpan(item: JsonSpan, service: string, json: string): RawSpan {
  const id = decodeId(item.spanId, spanIdDigits);
  if (id === undefined) throw unreadable(`"${item.spanId}" is no span id`, json);
  const parentId = decodeId(item.parentSpanId, spanIdDigits);
  const status = enumName(statuses, item.status.code, 'STATUS_CODE_');
  const error = status === 'error' ? errorText(item) : undefined;
  return {
    id,
    ...(parentId !== undefined && { parentId }),
    service,
    name: item.name,
    kind: enumName(kinds, item.kind, 'SPAN_KIND_'),
    startNs: item.startTimeUnixNano,
    // A span that was never ended has the end 0.
    endNs: item.endTimeUnixNano === '0' ? item.startTimeUnixNano : item.endTimeUnixNano,
    status,
    ...(error !== undefined && { error }),
    attributes: plain(item.attributes),
  };
}

/** Where the status has no message: HotROD, through the OpenTracing bridge, says it in an event. */
function errorText({ status, events }: JsonSpan): string | undefined {
  const said = events
    .map((event) => plain(event.attributes))
    .map((it) => it['exception.message'] ?? it['error']);
  return [status.message, ...said].map((text) => String(text ?? '')).find((text) => text !== '');
}

function enumName<T extends string>(names: readonly [T, ...T[]], code: string | number, prefix: string): T {
  const name =
    typeof code === 'number' ? names[code] : names.find((it) => `${prefix}${it.toUpperCase()}` === code);
  return name ?? names[0];
}

function plain(list: Attributes): Record<string, AttributeValue> {
  return Object.fromEntries(list.map(({ key, value: it }) => [key, plainValue(it)]));
}

function plainValue(it: z.infer<typeof value> | undefined): AttributeValue {
  if (it?.intValue !== undefined) {
    const number = Number(it.intValue);
    return Number.isSafeInteger(number) ? number : String(it.intValue);
  }
  return it?.stringValue ?? it?.doubleValue ?? it?.boolValue ?? JSON.stringify(it ?? null);
}

/** Eight or sixteen bytes in base64 always end in "=", and no hexadecimal id does: so the two are told apart. */
function decodeId(text: string, digits: number): string | undefined {
  return normaliseId(text.endsWith('=') ? hexOfBase64(text) : text, digits);
}

/** @returns "" when it is not base64 */
function hexOfBase64(text: string): string {
  if (!/^[A-Za-z0-9+/]+={1,2}$/u.test(text)) return '';
  return Array.from(atob(text), (byte) => byte.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}

/** v2 puts the trace into an object of its own. */
function unwrapped(json: unknown): unknown {
  return typeof json === 'object' && json !== null && 'trace' in json ? json.trace : json;
}

/** The first of what does not fit, with its place: `batches.0.scopeSpans: expected array`. */
function issueText({ issues: [issue] }: z.ZodError): string {
  return issue ? `${issue.path.map(String).join('.')}: ${issue.message}` : 'it has another shape';
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw unreadable('it is not JSON', json);
  }
}

function unreadable(why: string, json: string): TracewrightError {
  return new TracewrightError({
    type: 'trace.unreadable',
    message: `The answer is not a trace as Tempo writes it: ${why}.`,
    remedy: 'Check that the address of the stack file is that of Tempo, and not of a proxy in front of it.',
    evidence: [json.slice(0, 200)],
  });
}
