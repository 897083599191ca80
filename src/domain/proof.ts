/**
 * The result of a verification. It ends in the workflow's history: small, and nothing in it that JSON does not have.
 */
export interface Proof {
  /** 32 hexadecimal digits, chosen by us before the ride. */
  readonly traceId: string;
  readonly ride: Ride;
  /** In the order of the hops: ride, collector's log, Tempo by id, TraceQL, Grafana. */
  readonly checks: readonly Check[];
  /** What the stack calls its trace store. @default Tempo */
  readonly store?: string;
  /** Spans of the trace in the store, our own root span among them. */
  readonly spans: number;
  /** How many of them each service has. */
  readonly services: Readonly<Record<string, number>>;
  /** Duration of the whole trace in the store, in milliseconds. */
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

export type CheckName = 'ride' | 'collector-log' | 'tempo-by-id' | 'traceql' | 'grafana';
type CheckState = 'passed' | 'skipped' | 'failed';

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

/** One hop of a verification that runs, or has run. */
export interface HopState {
  readonly name: CheckName;
  readonly state: CheckState | 'waits' | 'running';
  /** What was seen there, or why it failed. */
  readonly text: string;
  /** In milliseconds, of a check that has ended. */
  readonly tookMs?: number;
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
  /** How many spans the trace has, where the store says so: Tempo does from 2.6 on. */
  readonly spans?: number;
  /** Whether one of them failed, where it is known. */
  readonly failed?: boolean;
}

/** What people call the trace store of a stack that gives it no name of its own. */
export const defaultStore = 'Tempo';

/**
 * The names of the checks for people.
 * @param store what the stack calls its trace store
 */
export function checkTitles(store: string = defaultStore): Readonly<Record<CheckName, string>> {
  return {
    ride: 'HotROD ride',
    'collector-log': "Collector's log",
    'tempo-by-id': `${store}, by trace id`,
    traceql: `${store}, by TraceQL`,
    grafana: 'Grafana datasource',
  };
}

const findingMarks = {
  passed: '✓',
  skipped: '–',
  failed: '✗',
  waits: '?',
  running: '?',
} as const satisfies Record<HopState['state'], string>;

/** A line of evidence that says what a check saw; `?` where a broken hop before it left nothing to learn. */
export function findingLine({ name, state, text }: HopState, store?: string): string {
  return `${findingMarks[state]} ${checkTitles(store)[name]}: ${text}`;
}

/** What the lines of `findingLine` among the evidence of a failure say. */
export function readFindings(evidence: readonly string[], store?: string): readonly HopState[] {
  const titles = Object.entries(checkTitles(store)) as [CheckName, string][];
  return evidence.flatMap((line): HopState[] => {
    const [name, title] = titles.find(([, it]) => line.startsWith(`${it}: `, 2)) ?? [];
    const state = (['passed', 'skipped', 'failed', 'waits'] as const).find((it) =>
      line.startsWith(findingMarks[it]),
    );
    if (name === undefined || title === undefined || state === undefined) return [];
    return [{ name, state, text: line.slice(title.length + 4) }];
  });
}

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
