import type { Trace } from '../../src/domain/trace.js';
import type {
  FailureAnswer,
  PageFacts,
  RideAnswer,
  SearchAnswer,
  StatusAnswer,
} from '../../src/page/wire.js';

/** Why there is no answer, as the server says it, or because there is no server. */
export class Failed extends Error {
  readonly failure: FailureAnswer;

  constructor(failure: FailureAnswer) {
    super(failure.message);
    this.failure = failure;
  }
}

const gone: FailureAnswer = {
  type: 'page.gone',
  message: 'The program behind this page has ended, or does not answer.',
  remedy: 'Run `tracewright open traces` again, and open the address that it prints.',
};

/** Everything that the page asks for. Each throws `Failed`, or an `AbortError` when the signal fires. */
export const client = {
  facts: (): Promise<PageFacts> => ask('facts'),
  status: (signal?: AbortSignal): Promise<StatusAnswer> => ask('status', signal),
  search: (
    query: string,
    { start, end }: { start: number; end: number },
    signal?: AbortSignal,
  ): Promise<SearchAnswer> =>
    ask(
      `search?${new URLSearchParams({ q: query, start: String(start), end: String(end) }).toString()}`,
      signal,
    ),
  trace: (id: string, signal?: AbortSignal): Promise<Trace> => ask(`trace/${encodeURIComponent(id)}`, signal),
  fields: (): Promise<readonly string[]> => ask('fields'),
  values: (field: string): Promise<readonly string[]> => ask(`values/${encodeURIComponent(field)}`),
  ride: (customer: number): Promise<RideAnswer> =>
    ask('ride', undefined, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ customer }),
    }),
  /** Waits until the trace of a ride is whole. */
  rideTrace: (id: string): Promise<Trace> => ask(`ride/${id}`),
};

async function ask<T>(path: string, signal?: AbortSignal, init: RequestInit = {}): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(`./api/${path}`, { ...init, ...(signal && { signal }) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Failed(gone);
  }
  if (answer.ok) return (await answer.json()) as T;
  const isOurs = answer.headers.get('content-type') === 'application/json';
  throw new Failed(isOurs ? ((await answer.json()) as FailureAnswer) : gone);
}

export function failureOf(error: unknown): FailureAnswer {
  if (error instanceof Failed) return error.failure;
  return { type: 'internal.bug', message: String(error), remedy: 'Load the page again.' };
}
