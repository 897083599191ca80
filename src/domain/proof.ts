/**
 * The result of a verification. It ends in the workflow's history: small, and nothing in it that JSON does not have.
 */
export interface Proof {
  /** 32 hexadecimal digits, chosen by us before the ride. */
  readonly traceId: string;
  readonly ride: Ride;
  /** In the order of the hops: ride, collector's log, Tempo by id, TraceQL, Grafana. */
  readonly checks: readonly Check[];
  /** Spans of the trace in Tempo, our own root span among them. */
  readonly spans: number;
  /** How many of them each service has. */
  readonly services: Readonly<Record<string, number>>;
  /** Duration of the whole trace in Tempo, in milliseconds. */
  readonly traceDurationMs: number;
  readonly longest: LongestTrace;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  /** From the start of the ride to the last check, in milliseconds. */
  readonly tookMs: number;
}

export interface Ride {
  readonly customer: number;
  readonly customerName: string;
  /** HotROD's name for the car: "T726216C". */
  readonly driver: string;
  readonly etaSeconds: number;
  /** How long HotROD took to answer, in milliseconds. */
  readonly durationMs: number;
}

export const checkNames = ['ride', 'collector-log', 'tempo-by-id', 'traceql', 'grafana'] as const;
export type CheckName = (typeof checkNames)[number];
export type CheckState = 'passed' | 'skipped' | 'failed';

export interface Check {
  readonly name: CheckName;
  readonly state: CheckState;
  /** What was seen, for people. */
  readonly detail: string;
  /** Why a check was skipped or failed. */
  readonly reason?: string;
  /** In milliseconds. Latency of the stack mostly: batches of spans, and the time until a search sees them. */
  readonly tookMs: number;
}

/**
 * The trace that took longest among those which the TraceQL search of the stack finds: the last step of the tutorial.
 */
export interface LongestTrace {
  readonly traceId: string;
  readonly rootService: string;
  readonly rootName: string;
  readonly durationMs: number;
  /** It is the trace of this very proof. */
  readonly isOurs: boolean;
}

/** One trace in the answer of a TraceQL search. Serialises to JSON. */
export interface SearchHit {
  readonly traceId: string;
  readonly rootService: string;
  readonly rootName: string;
  readonly durationMs: number;
  /** In nanoseconds since 1970. */
  readonly startNs: string;
}

/** The name of a check for people. */
export const checkTitles = {
  ride: 'HotROD ride',
  'collector-log': "Collector's log",
  'tempo-by-id': 'Tempo, by trace id',
  traceql: 'Tempo, by TraceQL',
  grafana: 'Grafana datasource',
} as const satisfies Record<CheckName, string>;

/** The hit that took longest; among equals the first. */
export function longestOf(hits: readonly SearchHit[]): SearchHit | undefined {
  return hits.reduce<SearchHit | undefined>(
    (longest, hit) => (longest === undefined || hit.durationMs > longest.durationMs ? hit : longest),
    undefined,
  );
}

/** What a trace lacks of what a stack promises. Empty when it is whole. */
export interface Shortfall {
  readonly spans: { readonly seen: number; readonly wanted: number } | undefined;
  readonly services: readonly string[];
}

/**
 * `services` counts all spans; those of `own` (ours, not HotROD's) do not help to reach the number that is expected.
 */
export function shortfall(
  services: Readonly<Record<string, number>>,
  expect: { readonly spans: number; readonly services: readonly string[] },
  own: string,
): Shortfall | undefined {
  const seen = Object.entries(services).reduce((sum, [name, count]) => (name === own ? sum : sum + count), 0);
  const missing = expect.services.filter((name) => !Object.hasOwn(services, name));
  if (seen >= expect.spans && missing.length === 0) return undefined;
  return { spans: seen < expect.spans ? { seen, wanted: expect.spans } : undefined, services: missing };
}
