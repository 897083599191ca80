import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { formatMs } from '../../src/domain/duration.js';
import type { TraceModel } from './model.js';
import { type GraphEdge, type GraphNode, serviceGraph } from './service-graph.js';

const node = { width: 148, height: 46, gapX: 74, gapY: 16 };
const margin = 8;

/** Which service called which in a trace, how often, and where it failed. */
export function Graph({ model }: { readonly model: TraceModel }): JSX.Element {
  const graph = useMemo(() => serviceGraph(model), [model]);
  const width = margin * 2 + graph.columns * (node.width + node.gapX) - node.gapX;
  const height = margin * 2 + graph.rows * (node.height + node.gapY) - node.gapY;
  const byName = new Map(graph.nodes.map((it) => [it.name, it]));
  const inColumn = (column: number): number => graph.nodes.filter((it) => it.column === column).length;
  const placeOf = ({ column, row }: GraphNode): { x: number; y: number } => ({
    x: margin + column * (node.width + node.gapX),
    y: margin + (row + (graph.rows - inColumn(column)) / 2) * (node.height + node.gapY),
  });
  const label = graph.edges
    .map(
      ({ from, to, calls, errors }) =>
        `${from} calls ${to} ${String(calls)} times${errors > 0 ? `, ${String(errors)} failed` : ''}`,
    )
    .join('; ');
  return (
    <div class="graph" tabIndex={0} role="region" aria-label="Service graph">
      <svg
        width={width}
        height={height}
        viewBox={`0 0 ${String(width)} ${String(height)}`}
        role="img"
        aria-label={label || 'one service'}
      >
        <defs>
          <marker
            id="arrow"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="7"
            markerHeight="7"
            orient="auto-start-reverse"
          >
            <path d="M0 0.5 L7.5 4 L0 7.5 z" class="head" />
          </marker>
        </defs>
        {graph.edges.map((edge) => {
          const [from, to] = [byName.get(edge.from), byName.get(edge.to)];
          return (
            from &&
            to && <Edge key={`${edge.from} ${edge.to}`} edge={edge} from={placeOf(from)} to={placeOf(to)} />
          );
        })}
        {graph.nodes.map((it) => {
          const { x, y } = placeOf(it);
          return (
            <g
              key={it.name}
              transform={`translate(${String(x)} ${String(y)})`}
              style={{ '--c': `var(--c${String(it.colour)})` }}
            >
              <title>{it.name}</title>
              <rect
                class={it.errors > 0 ? 'node failed' : 'node'}
                width={node.width}
                height={node.height}
                rx="5"
              />
              <rect class="side" width="4" height={node.height} rx="2" />
              <text x="12" y="19" class="title">
                {shortened(it.name)}
              </text>
              <text x="12" y="36">
                {it.spans} {it.spans === 1 ? 'span' : 'spans'}
                {it.errors > 0 && <tspan class="error"> · {it.errors} ✗</tspan>}
                {it.criticalMs > 0 && <tspan> · {formatMs(it.criticalMs)}</tspan>}
              </text>
            </g>
          );
        })}
      </svg>
      <p class="note">Times are those on the critical path.</p>
    </div>
  );
}

interface Point {
  readonly x: number;
  readonly y: number;
}

function Edge({
  edge,
  from,
  to,
}: {
  readonly edge: GraphEdge;
  readonly from: Point;
  readonly to: Point;
}): JSX.Element {
  const start = { x: from.x + node.width, y: from.y + node.height / 2 };
  const end = { x: to.x, y: to.y + node.height / 2 };
  const forth = end.x > start.x;
  // A call back goes below the boxes.
  const bend = forth ? (end.x - start.x) / 2 : 60;
  const path = `M${String(start.x)} ${String(start.y)} C${String(start.x + bend)} ${String(start.y)} ${String(end.x - bend)} ${String(end.y)} ${String(end.x - 2)} ${String(end.y)}`;
  const at = { x: (start.x + end.x) / 2, y: (start.y + end.y) / 2 - 5 };
  return (
    <g class={edge.errors > 0 ? 'edge failed' : 'edge'}>
      <path d={path} marker-end="url(#arrow)" />
      <text x={at.x} y={at.y} text-anchor="middle">
        {edge.calls}×
      </text>
    </g>
  );
}

function shortened(name: string): string {
  return name.length > 19 ? `${name.slice(0, 18)}…` : name;
}
