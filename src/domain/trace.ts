/** A trace as Tempo keeps it, in a shape that serialises to JSON. Times are UTC; `…Ns` are decimal strings. */
export interface Trace {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly rootService: string;
  readonly rootName: string;
  /** Start of the earliest span, in nanoseconds since 1970. */
  readonly startNs: string;
  /** From the start of the earliest span to the end of the latest, in milliseconds. */
  readonly durationMs: number;
  /** By start time. Never empty. */
  readonly spans: readonly Span[];
}

export interface Span {
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly parentId?: string;
  readonly service: string;
  readonly name: string;
  readonly kind: SpanKind;
  /** In nanoseconds since 1970. */
  readonly startNs: string;
  /** From the start of the trace, in milliseconds. */
  readonly offsetMs: number;
  /** In milliseconds. */
  readonly durationMs: number;
  readonly status: SpanStatus;
  /** What went wrong, where the span says so: HotROD's "redis timeout". */
  readonly error?: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** What happened in the span, in the order in which it was noted: logs of old, exceptions. Absent where nothing did. */
  readonly events?: readonly SpanEvent[];
}

export interface SpanEvent {
  readonly name: string;
  /** From the start of the trace, in milliseconds. */
  readonly offsetMs: number;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** By their numbers in OTLP. */
export const spanKinds = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
export type SpanKind = (typeof spanKinds)[number];
export const spanStatuses = ['unset', 'ok', 'error'] as const;
export type SpanStatus = (typeof spanStatuses)[number];
export type AttributeValue = string | number | boolean;

/** A span before it is known when its trace began. */
export type RawSpan = Omit<Span, 'offsetMs' | 'durationMs' | 'events'> & {
  readonly endNs: string;
  readonly events?: readonly (Omit<SpanEvent, 'offsetMs'> & { readonly atNs: string })[];
};

export const traceIdDigits = 32;
export const spanIdDigits = 16;

/**
 * Lower-case hexadecimal digits, padded to `digits`: Tempo leaves out leading zeros in search answers.
 * @returns undefined when `text` is no such id, or is all zeros (which means "none" in OpenTelemetry)
 */
export function normaliseId(text: string, digits: number): string | undefined {
  const id = text.trim().toLowerCase().replace(/^0x/u, '').padStart(digits, '0');
  return id.length === digits && /^[0-9a-f]+$/u.test(id) && !/^0+$/u.test(id) ? id : undefined;
}

/**
 * The trace made of `spans`. A span that was reported twice (an exporter's retry, two replicas) counts once.
 * @returns undefined when there is no span
 */
export function traceOf(id: string, spans: readonly RawSpan[]): Trace | undefined {
  const unique = new Map(spans.map((span) => [`${span.id} ${span.kind} ${span.service}`, span])).values();
  const timed = Array.from(unique, (span) => ({
    span,
    start: BigInt(span.startNs),
    end: BigInt(span.endNs),
  })).sort((a, b) => (a.start < b.start ? -1 : Number(a.start > b.start)));
  const [earliest] = timed;
  if (!earliest) return undefined;
  const { span: first, start } = earliest;
  const end = timed.reduce((latest, it) => (it.end > latest ? it.end : latest), start);
  const root = rootOf(timed.map(({ span }) => span)) ?? first;
  return {
    id,
    rootService: root.service,
    rootName: root.name,
    startNs: first.startNs,
    durationMs: msBetween(start, end),
    spans: timed.map(({ span: { endNs: _, events, ...span }, start: spanStart, end: spanEnd }) => ({
      ...span,
      ...(events && {
        events: events.map(({ atNs, ...event }) => ({ ...event, offsetMs: msBetween(start, BigInt(atNs)) })),
      }),
      offsetMs: msBetween(start, spanStart),
      // A clock that was set back in mid-span must not draw bars to the left.
      durationMs: Math.max(0, msBetween(spanStart, spanEnd)),
    })),
  };
}

/** The first span without a parent, else the first whose parent is not in the trace. */
function rootOf(spans: readonly RawSpan[]): RawSpan | undefined {
  const ids = new Set(spans.map((span) => span.id));
  return (
    spans.find((span) => span.parentId === undefined) ?? spans.find((span) => !ids.has(span.parentId ?? ''))
  );
}

/** How many spans each service has, in the order in which the services first appear. */
export function services(trace: Trace): Record<string, number> {
  // A map, as a service may be called "constructor".
  const counts = new Map<string, number>();
  for (const { service } of trace.spans) counts.set(service, (counts.get(service) ?? 0) + 1);
  return Object.fromEntries(counts);
}

/** The spans that failed. A ride of HotROD has one to three: its simulated redis timeouts. */
export function errors(trace: Trace): readonly Span[] {
  return trace.spans.filter((span) => span.status === 'error');
}

/** Spans that name a parent which the trace does not have: it has not arrived yet, or never will. */
export function orphans(trace: Trace): readonly Span[] {
  const ids = new Set(trace.spans.map((span) => span.id));
  return trace.spans.filter((span) => span.parentId !== undefined && !ids.has(span.parentId));
}

/** Of milliseconds since 1970; microseconds are as fine as their fraction gets in a double. */
export function nanoseconds(ms: number): string {
  return `${String(Math.round(ms * 1_000))}000`;
}

/** Whole microseconds keep the rounding away from what people read. */
function msBetween(startNs: bigint, endNs: bigint): number {
  return Number((endNs - startNs) / 1_000n) / 1_000;
}
