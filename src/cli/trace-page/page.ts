import { criticalPath, segmentsByNode } from '../../domain/critical-path.js';
import { services, type Trace } from '../../domain/trace.js';
import { flatten, treeOf, type SpanNode } from '../../domain/trace-tree.js';
import { createPaint } from '../paint.js';
import { formatMs } from '../quantity.js';
import { factsOf, titleOf } from '../trace-facts.js';
import { foot } from '../waterfall-foot.js';
import { escapeHtml } from './html.js';
import { spanHtml, type SpanRow } from './span.js';
import { colourCount, pageStyle } from './style.js';

/** Nothing is loaded and no script runs, whatever the names of spans say. */
const policy = "default-src 'none'; style-src 'unsafe-inline'";

/**
 * The trace as one HTML page that needs nothing else: the same picture as in the terminal, with the details of each
 * span.
 * @param madeBy for the last line: `Tracewright 0.1.0`
 */
export function renderTracePage(trace: Trace, madeBy: string): string {
  const tree = treeOf(trace);
  const path = criticalPath(trace, tree);
  const critical = segmentsByNode(path);
  const names = Object.keys(services(trace));
  const colourOf = (service: string): number => names.indexOf(service) % colourCount;
  const rows = tree.roots.flatMap((root) => rowsBelow({ node: root, depth: 0 }));
  const spans = rows.map((row) => {
    const { node } = row;
    return spanHtml(
      { ...row, colour: colourOf(node.span.service), critical: critical.get(node) ?? [] },
      tree,
    );
  });
  const title = escapeHtml(titleOf(trace));
  const notes = foot(tree.roots.flatMap(flatten), path, {
    columns: Number.POSITIVE_INFINITY,
    paint: createPaint(false),
    styleOf: () => 'bold',
  });
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    `<title>${title}, ${formatMs(trace.durationMs)}</title>`,
    `<style>${pageStyle}</style></head><body>`,
    `<header><h1>${title}</h1><p>${escapeHtml(factsOf(trace).join(' · '))}</p>`,
    `<p>trace <code>${escapeHtml(trace.id)}</code>, ${startText(trace)}</p>`,
    `<ul class="legend">${names.map((name) => legendHtml(name, colourOf(name))).join('')}</ul></header>`,
    '<main>',
    ...spans,
    '</main>',
    `<footer>${notes.map((line) => `<p>${escapeHtml(line)}</p>`).join('')}`,
    `<p>Open a span for its details. Made by ${escapeHtml(madeBy)}.</p></footer></body></html>`,
    '',
  ].join('\n');
}

function rowsBelow(
  row: Pick<SpanRow, 'node' | 'caller' | 'depth'>,
): Pick<SpanRow, 'node' | 'caller' | 'depth'>[] {
  const { node, depth } = row;
  const below = (child: SpanNode): ReturnType<typeof rowsBelow> =>
    rowsBelow({ node: child, caller: node.span.service, depth: depth + 1 });
  return [row, ...node.children.flatMap(below)];
}

function legendHtml(service: string, colour: number): string {
  return `<li style="--c:var(--c${String(colour)})">${escapeHtml(service)}</li>`;
}

function startText({ startNs }: Trace): string {
  return new Date(Number(BigInt(startNs) / 1_000_000n)).toISOString();
}
