import { criticalPath, segmentsByNode, type CriticalSegment } from '../domain/critical-path.js';
import { services, type Trace } from '../domain/trace.js';
import { flatten, treeOf, type SpanNode } from '../domain/trace-tree.js';
import { formatMs } from './quantity.js';
import { factsOf, titleOf } from './trace-facts.js';
import { foot, isSkewed } from './waterfall-foot.js';
import type { Paint, PaintStyle } from './paint.js';
import { fitPainted, keep, printable, shorten, unkeep, wrap, type Piece } from './text-width.js';
import { bar, barMarks, type BarScale } from './waterfall-bar.js';

export interface WaterfallOptions {
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
  const names = Object.keys(services(trace));
  const hasBars = columns >= 60;
  const labelColumns = hasBars ? Math.min(64, Math.floor(columns / 2)) : columns - durationColumns - 2;
  const barColumns = columns - labelColumns - durationColumns - 2;
  const canvas: Canvas = {
    columns,
    paint,
    styleOf: (service) => serviceStyles[names.indexOf(service) % serviceStyles.length] ?? 'cyan',
    labelColumns,
    scale: hasBars ? { startMs: tree.startMs, endMs: tree.endMs, columns: barColumns } : undefined,
    critical: segmentsByNode(path),
  };
  return [
    ...head(trace, canvas),
    '',
    ...tree.roots.flatMap((root) => rows({ node: root, branch: '', trunk: '', depth: 0 }, canvas)),
    '',
    ...foot(tree.roots.flatMap(flatten), path, canvas),
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

interface Place {
  readonly node: SpanNode;
  readonly parent?: SpanNode;
  /** The lines of the tree before this row's name. */
  readonly branch: string;
  /** What of them goes on below. */
  readonly trunk: string;
  readonly depth: number;
}

function rows(place: Place, canvas: Canvas): string[] {
  const { node, trunk, depth } = place;
  const last = node.children.length - 1;
  return [
    row(place, canvas),
    ...node.children.flatMap((child, index) => {
      const [branch, below] = index === last ? ['└ ', '  '] : ['├ ', '│ '];
      return rows(
        { node: child, parent: node, branch: trunk + branch, trunk: trunk + below, depth: depth + 1 },
        canvas,
      );
    }),
  ];
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
