import type { TraceModel } from './model.js';

/** Who called whom in a trace, in columns: whoever calls stands left of whom it calls, as far as nobody calls back. */
export interface ServiceGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly columns: number;
  /** In the fullest column. */
  readonly rows: number;
}

export interface GraphNode {
  readonly name: string;
  readonly colour: number;
  readonly spans: number;
  readonly errors: number;
  readonly criticalMs: number;
  readonly column: number;
  readonly row: number;
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly calls: number;
  readonly errors: number;
}

export function serviceGraph(model: TraceModel): ServiceGraph {
  const edges = edgesOf(model);
  const columns = columnsOf(
    model.services.map(({ name }) => name),
    edges,
  );
  const used = new Map<number, number>();
  const nodes = model.services.map((service): GraphNode => {
    const column = columns.get(service.name) ?? 0;
    const row = used.get(column) ?? 0;
    used.set(column, row + 1);
    return { ...service, column, row };
  });
  return {
    nodes,
    edges,
    columns: Math.max(1, ...[...used.keys()].map((column) => column + 1)),
    rows: Math.max(1, ...used.values()),
  };
}

function edgesOf({ rows }: TraceModel): readonly GraphEdge[] {
  const edges = new Map<string, { from: string; to: string; calls: number; errors: number }>();
  for (const { node, parent } of rows) {
    if (!parent || parent.span.service === node.span.service) continue;
    const [from, to] = [parent.span.service, node.span.service];
    const key = JSON.stringify([from, to]);
    const edge = edges.get(key) ?? { from, to, calls: 0, errors: 0 };
    edge.calls += 1;
    if (node.span.status === 'error') edge.errors += 1;
    edges.set(key, edge);
  }
  return [...edges.values()];
}

/** One right of the rightmost caller. Calls that lead back to whoever is being looked at do not count. */
function columnsOf(names: readonly string[], edges: readonly GraphEdge[]): ReadonlyMap<string, number> {
  const columns = new Map<string, number>();
  const open = new Set<string>();
  const columnOf = (name: string): number => {
    const known = columns.get(name);
    if (known !== undefined) return known;
    open.add(name);
    const before = edges
      .filter(({ from, to }) => to === name && !open.has(from))
      .map(({ from }) => columnOf(from));
    open.delete(name);
    const column = Math.max(-1, ...before) + 1;
    columns.set(name, column);
    return column;
  };
  for (const name of names) columnOf(name);
  return columns;
}
