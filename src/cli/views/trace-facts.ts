import { criticalByService, type CriticalSegment } from '../../domain/critical-path.js';
import { countOf, formatMs } from '../../domain/duration.js';
import type { SpanNode } from '../../domain/trace-tree.js';
import { errors, services, type Trace } from '../../domain/trace.js';
import type { Paint, PaintStyle } from './format.js';
import { keep, printable, unkeep, wrap } from './text-width.js';

/** Told apart without colours too. */
export const barMarks = { critical: '█', other: '─' } as const;

/** What a trace is called: the service and name of its root. */
export function titleOf({ rootService, rootName }: Pick<Trace, 'rootService' | 'rootName'>): string {
  return printable(`${rootService} ${rootName}`);
}

/** `48 spans`, `6 services`, `704 ms`, and `2 errors` where there are some. */
export function factsOf(trace: Trace): string[] {
  const failed = errors(trace).length;
  return [
    countOf(trace.spans.length, 'span'),
    countOf(Object.keys(services(trace)).length, 'service'),
    formatMs(trace.durationMs),
    ...(failed > 0 ? [countOf(failed, 'error')] : []),
  ];
}

interface FootCanvas {
  readonly columns: number;
  readonly paint: Paint;
  readonly styleOf: (service: string) => PaintStyle;
}

/** Below the tree: what the time went into, what failed, and what the marks mean. */
export function foot(
  nodes: readonly SpanNode[],
  path: readonly CriticalSegment[],
  canvas: FootCanvas,
): string[] {
  const { columns, paint, styleOf } = canvas;
  const total = path.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0) || 1;
  const shares = criticalByService(path)
    .filter(([, ms]) => ms * 100 >= total)
    .map(([service, ms]) => ({
      service: printable(service),
      style: styleOf(service),
      share: `${formatMs(ms)} (${String(Math.round((ms * 100) / total))}%)`,
    }));
  const lines = wrap(
    `Critical path ${barMarks.critical}: ${shares.map(({ service, share }) => keep(`${service} ${share}`)).join(', ')}`,
    columns,
  );
  const failed = nodes.filter(({ span }) => span.status === 'error');
  const missing = nodes.filter(({ orphan }) => orphan).length;
  const skewed = nodes.filter(({ skewMs }) => isSkewed(skewMs)).length;
  return [
    // Painted after breaking the lines, as colours have no width.
    ...lines.map((line) =>
      shares.reduce(
        (text, { service, style }) => text.replace(service, (it) => paint(style, it)),
        unkeep(line),
      ),
    ),
    ...wrap(failed.length > 0 ? `Errors: ${errorsText(failed)}` : '', columns).map((line) =>
      paint('red', line),
    ),
    ...wrap(
      missing > 0
        ? `${countOf(missing, 'span')} without the parent that they name: it has not arrived, or never will.`
        : '',
      columns,
    ),
    ...wrap(
      skewed > 0
        ? `(clock): the clocks of two machines differ; ${countOf(skewed, 'span')} moved into the span that called.`
        : '',
      columns,
    ),
  ];
}

/** `2 × redis GetDriver: redis timeout`. */
function errorsText(failed: readonly SpanNode[]): string {
  const counts = new Map<string, number>();
  for (const { span } of failed) {
    const text = printable(
      `${span.service} ${span.name}${span.error === undefined ? '' : `: ${span.error}`}`,
    );
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return [...counts].map(([text, count]) => (count > 1 ? `${String(count)} × ${text}` : text)).join(', ');
}

/** Fractions of a millisecond are the network's, and nothing to tell. */
export function isSkewed(skewMs: number): boolean {
  return Math.abs(skewMs) >= 1;
}
