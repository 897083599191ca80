import { criticalPath, type CriticalSegment, segmentsByNode } from '../../domain/critical-path.js';
import { formatMs } from '../../domain/duration.js';
import { placesOf, type SpanNode, type SpanPlace, treeOf } from '../../domain/trace-tree.js';
import { services, type Trace } from '../../domain/trace.js';
import type { Paint, PaintStyle } from './format.js';
import { fitPainted, keep, type Piece, printable, shorten, unkeep, wrap } from './text-width.js';
import { barMarks, factsOf, foot, isSkewed, titleOf } from './trace-facts.js';

interface WaterfallOptions {
  /** Columns of the terminal. Below 60 there is no room for bars; fewer than 30 are taken as 30. */
  readonly width: number;
  readonly paint: Paint;
}

/** In the order in which services appear. Red stays for errors. */
const serviceStyles: readonly PaintStyle[] = [
  'cyan',
  'yellow',
  'magenta',
  'green',
  'blue',
  'brightCyan',
  'brightYellow',
  'brightMagenta',
  'brightGreen',
  'brightBlue',
];

const durationColumns = 8;

interface Canvas {
  readonly columns: number;
  readonly paint: Paint;
  readonly styleOf: (service: string) => PaintStyle;
  readonly labelColumns: number;
  /** Undefined in a narrow terminal. */
  readonly scale: BarScale | undefined;
  readonly critical: ReadonlyMap<SpanNode, readonly CriticalSegment[]>;
}

/**
 * The trace as a tree with bars: one line a span, a head above, and below it what the time went into and what failed.
 */
export function renderWaterfall(trace: Trace, { width, paint }: WaterfallOptions): string[] {
  const columns = Math.max(30, Math.floor(width));
  const tree = treeOf(trace);
  const path = criticalPath(trace, tree);
  const styles = new Map(
    Object.keys(services(trace)).map((name, index) => [name, serviceStyles[index % serviceStyles.length]]),
  );
  const places = placesOf(tree.roots);
  const hasBars = columns >= 60;
  const labelColumns = hasBars ? Math.min(64, Math.floor(columns / 2)) : columns - durationColumns - 2;
  const barColumns = columns - labelColumns - durationColumns - 2;
  const canvas: Canvas = {
    columns,
    paint,
    styleOf: (service) => styles.get(service) ?? 'cyan',
    labelColumns,
    scale: hasBars ? { startMs: tree.startMs, endMs: tree.endMs, columns: barColumns } : undefined,
    critical: segmentsByNode(path),
  };
  return [
    ...head(trace, canvas),
    '',
    ...rows(places, canvas),
    '',
    ...foot(
      places.map(({ node }) => node),
      path,
      canvas,
    ),
  ];
}

function head(trace: Trace, { columns, paint }: Canvas): string[] {
  return [
    paint('bold', shorten(titleOf(trace), columns)),
    `${paint('dim', 'trace')} ${trace.id}`,
    ...wrap(factsOf(trace).map(keep).join(' · '), columns).map((line) =>
      unkeep(line).replace(/\d+ errors?$/u, (it) => paint('red', it)),
    ),
  ];
}

interface Place extends SpanPlace {
  /** The lines of the tree before this row's name. */
  readonly branch: string;
}

function rows(places: readonly SpanPlace[], canvas: Canvas): string[] {
  /** By depth: what of the lines goes on below. */
  const trunks: string[] = [''];
  return places.map((place) => {
    const { depth, isLast } = place;
    const trunk = depth === 0 ? '' : (trunks[depth - 1] ?? '');
    // What is wider than the label is drawn as a number, and needs to grow no further.
    const goesOn = depth > 0 && trunk.length <= canvas.labelColumns;
    trunks[depth] = goesOn ? trunk + (isLast ? '  ' : '│ ') : trunk;
    return row({ ...place, branch: depth === 0 ? '' : trunk + (isLast ? '└ ' : '├ ') }, canvas);
  });
}

function row(place: Place, canvas: Canvas): string {
  const { paint, labelColumns, scale, critical } = canvas;
  const { node } = place;
  const text = fitPainted(label(place, canvas), labelColumns, paint);
  const duration = formatMs(node.span.durationMs).padStart(durationColumns);
  if (!scale) return `${text} ${critical.has(node) ? barMarks.critical : ' '}${duration}`;
  const drawn = bar({ startMs: node.startMs, endMs: node.endMs, critical: critical.get(node) ?? [] }, scale);
  const style = node.span.status === 'error' ? 'red' : canvas.styleOf(node.span.service);
  return `${text} ${drawn.before}${paint(style, drawn.bar)}${drawn.after} ${duration}`;
}

/** A service is named where the trace enters it; below, its spans need their names only. */
function label({ node, parent, branch, depth }: Place, { labelColumns, styleOf }: Canvas): Piece[] {
  const { span, orphan, skewMs } = node;
  // In a deep tree the lines would leave no room for names: then the depth stands as a number.
  const lines = branch.length <= labelColumns / 2 ? branch : `…${String(depth)} `;
  const entered = span.service !== parent?.span.service;
  return [
    { text: lines, style: 'dim' },
    ...(span.status === 'error' ? [{ text: '✗ ', style: 'red' as const }] : []),
    ...(entered ? [{ text: `${printable(span.service)} `, style: styleOf(span.service) }] : []),
    { text: printable(span.name) || '(no name)' },
    ...(span.error !== undefined ? [{ text: ` ${printable(span.error)}`, style: 'red' as const }] : []),
    ...(orphan ? [{ text: ' (parent missing)', style: 'yellow' as const }] : []),
    ...(isSkewed(skewMs) ? [{ text: ' (clock)', style: 'yellow' as const }] : []),
  ];
}

/** One span against the time of its trace, in milliseconds on one scale. */
interface BarTimes {
  readonly startMs: number;
  readonly endMs: number;
  /** Stretches on the critical path. */
  readonly critical: readonly { readonly startMs: number; readonly endMs: number }[];
}

interface BarScale {
  readonly startMs: number;
  readonly endMs: number;
  /** Columns for the whole trace. */
  readonly columns: number;
}

/** The bar and the blanks around it, exactly `columns` wide. Even the shortest span is one column. */
function bar(
  { startMs, endMs, critical }: BarTimes,
  scale: BarScale,
): { before: string; bar: string; after: string } {
  const { columns } = scale;
  const perColumn = (scale.endMs - scale.startMs) / columns || 1;
  const columnOf = (ms: number): number => (ms - scale.startMs) / perColumn;
  const first = clamp(Math.round(columnOf(startMs)), 0, columns - 1);
  const end = clamp(Math.round(columnOf(endMs)), first + 1, columns);
  let marks = '';
  for (let column = first; column < end; column += 1) {
    // The part of this column's time in which the span ran; of a span between two columns, all of it.
    const inColumn = end - first === 1;
    const fromMs = inColumn ? startMs : Math.max(startMs, scale.startMs + column * perColumn);
    const untilMs = inColumn ? endMs : Math.min(endMs, scale.startMs + (column + 1) * perColumn);
    const criticalMs = critical.reduce(
      (sum, it) => sum + Math.max(0, Math.min(it.endMs, untilMs) - Math.max(it.startMs, fromMs)),
      0,
    );
    marks += criticalMs > 0 && criticalMs * 2 >= untilMs - fromMs ? barMarks.critical : barMarks.other;
  }
  return { before: ' '.repeat(first), bar: marks, after: ' '.repeat(columns - end) };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
