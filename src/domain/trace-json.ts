import { z } from 'zod';
import { TracewrightError } from './failure.js';
import { normaliseId, spanIdDigits, spanKinds, spanStatuses, traceIdDigits, traceOf } from './trace.js';
import type { AttributeValue, RawSpan, Trace } from './trace.js';

/**
 * OTLP in JSON as Tempo answers it: v1 (`batches`), v2 (`trace` around it) and OTLP's own names, with the older
 * `instrumentationLibrarySpans`. Numbers stand as strings, enumerations as names or numbers, ids as base64 or
 * hexadecimal digits; proxies and other stores write numbers or `null` where Tempo writes texts.
 */
const text = z
  .union([z.string(), z.number(), z.boolean()])
  .nullish()
  .transform((it) => String(it ?? ''));
const list = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((it) => it ?? []);
/** The value is one of a dozen kinds, some of which nest: `plainValue` reads it. */
const attributes = list(z.looseObject({ key: text, value: z.unknown().optional() }));
const nanoseconds = z
  .union([z.string().regex(/^\s*-?\d*\s*$/u, 'expected a number of nanoseconds'), z.number()])
  .nullish()
  .transform(nanosecondsText);
const enumeration = z
  .union([z.string(), z.number()])
  .nullish()
  .transform((it) => it ?? 0);
const span = z.looseObject({
  traceId: text,
  spanId: text,
  parentSpanId: text,
  name: text,
  kind: enumeration,
  startTimeUnixNano: nanoseconds,
  endTimeUnixNano: nanoseconds,
  attributes,
  events: list(z.looseObject({ timeUnixNano: nanoseconds, name: text, attributes })),
  status: z.looseObject({ code: enumeration, message: text }).nullish(),
});
const scopes = z.array(z.looseObject({ spans: list(span) })).nullish();
const batch = z.looseObject({
  resource: z.looseObject({ attributes }).nullish(),
  scopeSpans: scopes,
  instrumentationLibrarySpans: scopes,
});
const batches = z.looseObject({
  batches: z.array(batch).nullish(),
  resourceSpans: z.array(batch).nullish(),
});

type JsonSpan = z.infer<typeof span>;
type Attributes = z.infer<typeof attributes>;

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
  const { batches: ofTempo, resourceSpans: ofOtlp } = parsed.data;
  for (const { resource, scopeSpans, instrumentationLibrarySpans } of ofTempo ?? ofOtlp ?? []) {
    const service = String(plain(resource?.attributes ?? [])['service.name'] ?? 'unknown');
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
  const status = enumName(spanStatuses, item.status?.code ?? 0, 'STATUS_CODE_');
  const error = status === 'error' ? errorText(item) : undefined;
  return {
    id,
    ...(parentId !== undefined && { parentId }),
    service,
    name: item.name,
    kind: enumName(spanKinds, item.kind, 'SPAN_KIND_'),
    startNs: item.startTimeUnixNano,
    // A span that was never ended has the end 0.
    endNs: item.endTimeUnixNano === '0' ? item.startTimeUnixNano : item.endTimeUnixNano,
    status,
    ...(error !== undefined && { error }),
    attributes: plain(item.attributes),
    ...(item.events.length > 0 && {
      events: item.events.map((event) => ({
        name: event.name,
        atNs: event.timeUnixNano,
        attributes: plain(event.attributes),
      })),
    }),
  };
}

/** Where the status has no message: HotROD, through the OpenTracing bridge, says it in an event. */
function errorText({ status, events }: JsonSpan): string | undefined {
  const said = events
    .map((event) => plain(event.attributes))
    .map((it) => it['exception.message'] ?? it['error']);
  return [status?.message, ...said].map((it) => String(it ?? '')).find((it) => it !== '');
}

function enumName<T extends string>(names: readonly [T, ...T[]], code: string | number, prefix: string): T {
  const name =
    typeof code === 'number' ? names[code] : names.find((it) => `${prefix}${it.toUpperCase()}` === code);
  return name ?? names[0];
}

function plain(items: Attributes): Record<string, AttributeValue> {
  return Object.fromEntries(items.map(({ key, value }) => [key, plainValue(value)]));
}

/** Lists and maps become their JSON; a double that JSON does not have becomes its name: `NaN`, `-Infinity`. */
function plainValue(value: unknown): AttributeValue {
  const it = valueOf(value, 0);
  if (typeof it === 'number') return Number.isFinite(it) ? it : String(it);
  return typeof it === 'string' || typeof it === 'boolean' ? it : JSON.stringify(it);
}

/** Values nest; nobody reads what is deeper than this, and one that nests for ever must not end the program. */
const deepest = 20;

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** @returns what the value says: bytes as base64, a number that a double cannot hold as text */
function valueOf(value: unknown, depth: number): Json {
  if (typeof value !== 'object' || value === null) return scalar(value);
  if (depth > deepest) return '…';
  const [[kind, it] = ['', null]] = Object.entries(value).filter(([, content]) => content !== null);
  const items = itemsOf(it);
  switch (kind) {
    case '':
      return null;
    case 'intValue':
      return Number.isSafeInteger(Number(it)) ? Number(it) : scalar(it);
    case 'doubleValue':
      return doubleOf(it);
    case 'arrayValue':
      return items.map((item) => valueOf(item, depth + 1));
    case 'kvlistValue':
      return Object.fromEntries(
        items.map((item) => {
          const { key, value: inner } = (item ?? {}) as { readonly key?: unknown; readonly value?: unknown };
          return [String(scalar(key) ?? ''), valueOf(inner, depth + 1)];
        }),
      );
    default:
      return scalar(it);
  }
}

function itemsOf(it: unknown): readonly unknown[] {
  const { values } = (typeof it === 'object' ? (it ?? {}) : {}) as { readonly values?: unknown };
  return Array.isArray(values) ? values : [];
}

/** Protobuf's JSON writes the doubles that JSON lacks as texts. */
function doubleOf(it: unknown): Json {
  const number = typeof it === 'string' && it.trim() !== '' ? Number(it) : it;
  const isNamed = typeof it === 'string' && ['NaN', 'Infinity', '-Infinity'].includes(it);
  return typeof number === 'number' && (isNamed || !Number.isNaN(number)) ? number : scalar(it);
}

function scalar(it: unknown): string | number | boolean | null {
  return typeof it === 'string' || typeof it === 'number' || typeof it === 'boolean' ? it : null;
}

/** An unsigned number of 64 bits, which a double may have rounded; what lies outside is its nearest. */
function nanosecondsText(it: string | number | null | undefined): string {
  if (typeof it === 'number' && !Number.isFinite(it)) return '0';
  const ns = typeof it === 'number' ? BigInt(Math.trunc(it)) : BigInt((it ?? '').trim());
  if (ns < 0n) return '0';
  return String(ns < latestNs ? ns : latestNs);
}

const latestNs = 2n ** 64n - 1n;

/** Eight or sixteen bytes in base64 always end in "=", and no hexadecimal id does: so the two are told apart. */
function decodeId(id: string, digits: number): string | undefined {
  return normaliseId(id.endsWith('=') ? hexOfBase64(id) : id, digits);
}

/** @returns "" when it is not base64 */
function hexOfBase64(id: string): string {
  if (!/^[A-Za-z0-9+/]+={1,2}$/u.test(id) || id.length % 4 !== 0) return '';
  return Buffer.from(id, 'base64').toString('hex');
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

type KeyValue = { readonly key: string; readonly value: object };

/** Spans of one trace as OTLP in JSON, the body of a POST to `/v1/traces`: by service, ids in hexadecimal digits. */
export function otlpJson(traceId: string, spans: readonly RawSpan[]): string {
  const names = [...new Set(spans.map(({ service }) => service))];
  const resourceSpans = names.map((name) => ({
    resource: { attributes: keyValues({ 'service.name': name }) },
    scopeSpans: [
      {
        scope: { name: 'tracewright' },
        spans: spans.filter(({ service }) => service === name).map((span) => spanJson(traceId, span)),
      },
    ],
  }));
  return JSON.stringify({ resourceSpans });
}

function spanJson(traceId: string, span: RawSpan): object {
  const { id, parentId, name, kind, startNs, endNs, attributes, status, error } = span;
  return {
    traceId,
    spanId: id,
    ...(parentId !== undefined && { parentSpanId: parentId }),
    name,
    kind: spanKinds.indexOf(kind),
    startTimeUnixNano: startNs,
    endTimeUnixNano: endNs,
    attributes: keyValues(attributes),
    status: { code: spanStatuses.indexOf(status), ...(error !== undefined && { message: error }) },
  };
}

function keyValues(attributes: Readonly<Record<string, AttributeValue>>): KeyValue[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: valueJson(value) }));
}

function valueJson(value: AttributeValue): object {
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'string') return { stringValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
