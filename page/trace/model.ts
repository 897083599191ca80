import { criticalPath, type CriticalSegment, segmentsByNode } from '../../src/domain/critical-path.js';
import { placesOf, type SpanNode, type SpanPlace, treeOf } from '../../src/domain/trace-tree.js';
import { services, type Span, type Trace } from '../../src/domain/trace.js';

/** A trace, laid out once: what of it is shown depends on what is folded. */
export interface TraceModel {
  readonly trace: Trace;
  /** All rows, parents before their children. */
  readonly rows: readonly Row[];
  readonly startMs: number;
  readonly endMs: number;
  readonly path: readonly CriticalSegment[];
  /** In the order in which they appear. */
  readonly services: readonly ServiceFacts[];
  readonly errors: number;
}

export interface ServiceFacts {
  readonly name: string;
  /** Which of the page's ten colours. */
  readonly colour: number;
  readonly spans: number;
  readonly errors: number;
  /** Milliseconds on the critical path. */
  readonly criticalMs: number;
}

export interface Row extends SpanPlace {
  /** Of the row in all rows. */
  readonly index: number;
  readonly parentIndex: number | undefined;
  /** The first row behind all that is below this one. */
  readonly end: number;
  readonly colour: number;
  readonly critical: readonly CriticalSegment[];
  /** How many spans below it failed. */
  readonly errorsBelow: number;
}

export const colourCount = 10;

export function modelOf(trace: Trace): TraceModel {
  const tree = treeOf(trace);
  const path = criticalPath(trace, tree);
  const segments = segmentsByNode(path);
  const places = placesOf(tree.roots);
  const counts = Object.entries(services(trace));
  const colours = new Map(counts.map(([name], index) => [name, index % colourCount]));
  const indexOf = new Map<SpanNode, number>(places.map(({ node }, index) => [node, index]));
  const ends: number[] = places.map((_, index) => index + 1);
  const errorsBelow: number[] = places.map(() => 0);
  // From the last: what is below is known before what is above.
  for (let index = places.length - 1; index >= 0; index -= 1) {
    const { node, parent } = places[index] as SpanPlace;
    const above = parent && indexOf.get(parent);
    if (above === undefined) continue;
    ends[above] = Math.max(ends[above] ?? 0, ends[index] ?? 0);
    errorsBelow[above] = (errorsBelow[above] ?? 0) + (errorsBelow[index] ?? 0) + Number(isFailed(node.span));
  }
  const failed = new Map<string, number>();
  for (const span of trace.spans)
    if (isFailed(span)) failed.set(span.service, (failed.get(span.service) ?? 0) + 1);
  const criticalMs = new Map<string, number>();
  for (const { node, startMs, endMs } of path)
    criticalMs.set(node.span.service, (criticalMs.get(node.span.service) ?? 0) + endMs - startMs);
  return {
    trace,
    startMs: tree.startMs,
    endMs: tree.endMs,
    path,
    rows: places.map((place, index) => ({
      ...place,
      index,
      parentIndex: place.parent && indexOf.get(place.parent),
      end: ends[index] ?? index + 1,
      colour: colours.get(place.node.span.service) ?? 0,
      critical: segments.get(place.node) ?? [],
      errorsBelow: errorsBelow[index] ?? 0,
    })),
    services: counts.map(([name, spans]) => ({
      name,
      colour: colours.get(name) ?? 0,
      spans,
      errors: failed.get(name) ?? 0,
      criticalMs: criticalMs.get(name) ?? 0,
    })),
    errors: trace.spans.filter(isFailed).length,
  };
}

export function isFailed({ status }: Pick<Span, 'status'>): boolean {
  return status === 'error';
}

export function hasChildren({ index, end }: Row): boolean {
  return end > index + 1;
}

/** The rows that are not below a folded one. @param folded by index */
export function visibleRows({ rows }: TraceModel, folded: ReadonlySet<number>): readonly Row[] {
  if (folded.size === 0) return rows;
  const visible: Row[] = [];
  for (let index = 0; index < rows.length;) {
    const row = rows[index] as Row;
    visible.push(row);
    index = folded.has(index) ? row.end : index + 1;
  }
  return visible;
}

/** The folded rows above a row: opened, they show it. */
export function foldedAbove(
  { rows }: TraceModel,
  index: number,
  folded: ReadonlySet<number>,
): readonly number[] {
  const above: number[] = [];
  for (let row = rows[index]; row?.parentIndex !== undefined; row = rows[row.parentIndex])
    if (folded.has(row.parentIndex)) above.push(row.parentIndex);
  return above;
}

/**
 * Indices of the rows in which the text stands, as it is written or not: in names, ids, errors, attributes, events. All words
 * must be there.
 */
export function findRows({ rows }: TraceModel, text: string): readonly number[] {
  const words = text
    .toLowerCase()
    .split(/\s+/u)
    .filter((it) => it !== '');
  if (words.length === 0) return [];
  return rows
    .filter(({ node }) => {
      const hay = searchText(node.span);
      return words.every((word) => hay.includes(word));
    })
    .map(({ index }) => index);
}

const texts = new WeakMap<Span, string>();

function searchText(span: Span): string {
  const known = texts.get(span);
  if (known !== undefined) return known;
  const pairs = (attributes: Span['attributes']): string[] =>
    Object.entries(attributes).map(([key, value]) => `${key}=${String(value)}`);
  const text = [
    span.service,
    span.name,
    span.id,
    span.kind,
    span.status,
    span.error ?? '',
    ...pairs(span.attributes),
    ...(span.events ?? []).flatMap((event) => [event.name, ...pairs(event.attributes)]),
  ]
    .join('\n')
    .toLowerCase();
  texts.set(span, text);
  return text;
}

/** Round times between start and end, about as many as there is room for. @returns milliseconds */
export function ticks(startMs: number, endMs: number, most: number): readonly number[] {
  const whole = endMs - startMs;
  if (!(whole > 0) || most < 1) return [];
  const rough = whole / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((it) => it * power >= rough) ?? 10) * power;
  const first = Math.ceil(startMs / step);
  const last = Math.floor(endMs / step);
  // A step below the resolution of a double would never get to the end.
  return last - first > most * 4
    ? []
    : Array.from({ length: last - first + 1 }, (_, n) => (first + n) * step);
}
