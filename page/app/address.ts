/** What the page shows, as its address says it: a link shows the same to whoever opens it. */
export interface Address {
  readonly view: 'search' | 'proof';
  readonly query: string;
  readonly range: Range;
  /** Shown instead of the view. */
  readonly traceId?: string | undefined;
  readonly spanId?: string | undefined;
}

/** The last so many minutes, or from one moment to another, in milliseconds since 1970. */
export type Range = { readonly minutes: number } | { readonly fromMs: number; readonly toMs: number };

/** In minutes. Tempo 2.0 looks back one hour and no further, unless it is told to. */
export const rangeChoices = [5, 15, 30, 60, 180, 1_440] as const;
const usual = { minutes: 60 } as const satisfies Range;

/** @param search of a location, with its `?` @param traceql what is searched for where the address does not say */
export function readAddress(search: string, traceql: string): Address {
  const params = new URLSearchParams(search);
  const [traceId, spanId] = [params.get('trace'), params.get('span')];
  return {
    view: params.get('view') === 'proof' ? 'proof' : 'search',
    query: params.get('q') ?? traceql,
    range: readRange(params),
    ...(traceId && { traceId }),
    ...(spanId && { spanId }),
  };
}

/** @returns the search of a location; what is as usual is left out */
export function writeAddress({ view, query, range, traceId, spanId }: Address, traceql: string): string {
  const params = new URLSearchParams();
  if (view === 'proof') params.set('view', view);
  if (query !== traceql) params.set('q', query);
  if ('fromMs' in range) {
    params.set('from', String(Math.floor(range.fromMs)));
    params.set('to', String(Math.ceil(range.toMs)));
  } else if (range.minutes !== usual.minutes) params.set('last', String(range.minutes));
  if (traceId !== undefined) params.set('trace', traceId);
  if (spanId !== undefined) params.set('span', spanId);
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}

function readRange(params: URLSearchParams): Range {
  const number = (name: string): number =>
    /^\d{1,15}$/u.test(params.get(name) ?? '') ? Number(params.get(name)) : NaN;
  const [fromMs, toMs, minutes] = [number('from'), number('to'), number('last')];
  if (toMs > fromMs) return { fromMs, toMs };
  return minutes > 0 ? { minutes } : usual;
}

/** In seconds since 1970, for the store. @param nowMs the clocks of other machines may be ahead of it */
export function windowOf(range: Range, nowMs: number): { readonly start: number; readonly end: number } {
  if ('fromMs' in range)
    return { start: Math.floor(range.fromMs / 1_000), end: Math.ceil(range.toMs / 1_000) };
  return { start: Math.floor(nowMs / 1_000 - range.minutes * 60), end: Math.ceil(nowMs / 1_000) + 60 };
}

export function rangeText(range: Range): string {
  if ('fromMs' in range) {
    const time = (ms: number): string => new Date(ms).toLocaleTimeString('en-GB');
    return `${time(range.fromMs)} – ${time(range.toMs)}`;
  }
  return range.minutes < 60 ? `Last ${String(range.minutes)} min` : `Last ${String(range.minutes / 60)} h`;
}
