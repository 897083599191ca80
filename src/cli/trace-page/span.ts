import type { CriticalSegment } from '../../domain/critical-path.js';
import type { SpanNode, SpanTree } from '../../domain/trace-tree.js';
import { formatMs } from '../quantity.js';
import { isSkewed } from '../waterfall-foot.js';
import { escapeHtml, percent } from './html.js';

/** A deeper span is drawn at this depth: there must be room for its name. */
const maxDepth = 24;

export interface SpanRow {
  readonly node: SpanNode;
  /** Of the parent; absent for a root. */
  readonly caller?: string;
  readonly depth: number;
  /** Which of the page's colours. */
  readonly colour: number;
  readonly critical: readonly CriticalSegment[];
}

/** One line of the picture; opened, by mouse or keyboard, it shows all that is known about the span. */
export function spanHtml(row: SpanRow, frame: Pick<SpanTree, 'startMs' | 'endMs'>): string {
  const { node, caller, depth, colour } = row;
  const { span } = node;
  const failed = span.status === 'error';
  const marks = [
    failed ? '<b class="error" aria-label="error">✗</b> ' : '',
    span.service === caller ? '' : `<b class="service">${escapeHtml(span.service)}</b> `,
    escapeHtml(span.name) || '(no name)',
    span.error === undefined ? '' : ` <span class="error">${escapeHtml(span.error)}</span>`,
    node.orphan ? ' <span class="note">(parent missing)</span>' : '',
    isSkewed(node.skewMs) ? ' <span class="note">(clock)</span>' : '',
  ].join('');
  const style = `--c:var(--c${String(colour)});--d:${String(Math.min(depth, maxDepth))}`;
  const hover = escapeHtml(`${span.service} ${span.name}, ${formatMs(span.durationMs)}`);
  return (
    `<details${failed ? ' class="failed"' : ''} style="${style}">` +
    `<summary title="${hover}"><span class="name">${marks}</span>` +
    `<span class="track" aria-hidden="true">${bars(row, frame)}</span>` +
    `<span class="ms">${formatMs(span.durationMs)}</span></summary>${facts(row)}</details>`
  );
}

function bars({ node, critical }: SpanRow, frame: Pick<SpanTree, 'startMs' | 'endMs'>): string {
  const whole = frame.endMs - frame.startMs;
  const bar = (kind: string, startMs: number, endMs: number): string =>
    `<i${kind} style="left:${percent(startMs - frame.startMs, whole)};width:${percent(endMs - startMs, whole)}"></i>`;
  return [
    bar('', node.startMs, node.endMs),
    ...critical.map(({ startMs, endMs }) => bar(' class="critical"', startMs, endMs)),
  ].join('');
}

function facts({ node, critical }: SpanRow): string {
  const { span, startMs, skewMs } = node;
  const criticalMs = critical.reduce((sum, it) => sum + it.endMs - it.startMs, 0);
  const list: [string, string][] = [
    ['service', span.service],
    ['span', span.id],
    ['kind', span.kind],
    ['starts after', formatMs(startMs)],
    ['takes', formatMs(span.durationMs)],
    ...(criticalMs > 0 ? [['on the critical path', formatMs(criticalMs)] satisfies [string, string]] : []),
    ...(isSkewed(skewMs) ? [['clock ahead by', `${skewMs.toFixed(0)} ms`] satisfies [string, string]] : []),
    ['status', span.status + (span.error === undefined ? '' : `: ${span.error}`)],
    ...Object.entries(span.attributes).map(([key, value]): [string, string] => [key, String(value)]),
  ];
  const rows = list.map(([term, text]) => `<dt>${escapeHtml(term)}</dt><dd>${escapeHtml(text)}</dd>`);
  return `<dl>${rows.join('')}</dl>`;
}
