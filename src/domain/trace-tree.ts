import type { Span, Trace } from './trace.js';

export interface SpanNode {
  readonly span: Span;
  /** By start time. */
  readonly children: readonly SpanNode[];
  /** From the start of the trace, in milliseconds, with the skew taken out. */
  readonly startMs: number;
  readonly endMs: number;
  /** By how much the clock of this span's machine seems to be ahead of its caller's, in milliseconds. Mostly 0. */
  readonly skewMs: number;
  /** Its parent is not in the trace. */
  readonly orphan: boolean;
}

export interface SpanTree {
  /** The root first, then spans whose parent is missing. Never empty. */
  readonly roots: readonly SpanNode[];
  readonly startMs: number;
  readonly endMs: number;
}

/** A node where it stands in the tree. */
export interface SpanPlace {
  readonly node: SpanNode;
  readonly parent: SpanNode | undefined;
  /** 0 for the roots. */
  readonly depth: number;
  /** Of the children of its parent. */
  readonly isLast: boolean;
}

/**
 * The spans of a trace as a tree, however deep. Every span is in it once, whatever the parents say: one with an unknown
 * parent becomes a root of its own, and so does the earliest span of a circle.
 */
export function treeOf(trace: Trace): SpanTree {
  const family = familyOf(trace);
  const placed = new Set<Span>();
  const grow = (top: Span): GrowingNode => {
    const root = nodeOf(top, undefined, family.isOrphan(top));
    const open = [root];
    placed.add(top);
    for (let node = open.pop(); node; node = open.pop()) {
      for (const child of family.childrenOf(node.span)) {
        if (placed.has(child)) continue;
        placed.add(child);
        node.children.push(nodeOf(child, node, false));
      }
      node.children.sort((a, b) => a.startMs - b.startMs);
      for (const child of node.children) open.push(child);
    }
    return root;
  };
  const [parentless, orphaned] = [
    trace.spans.filter((span) => span.parentId === undefined && !family.isCalled(span)),
    trace.spans.filter((span) => family.isOrphan(span)),
  ];
  const roots = [...parentless, ...orphaned].map(grow);
  for (const span of trace.spans) if (!placed.has(span)) roots.push(grow(span));
  const places = placesOf(roots);
  return {
    roots,
    startMs: places.reduce((earliest, { node }) => Math.min(earliest, node.startMs), Infinity),
    endMs: places.reduce((latest, { node }) => Math.max(latest, node.endMs), -Infinity),
  };
}

/** All nodes, parents before their children. */
export function placesOf(roots: readonly SpanNode[]): readonly SpanPlace[] {
  const places: SpanPlace[] = [];
  const open: SpanPlace[] = [];
  const push = (nodes: readonly SpanNode[], parent: SpanNode | undefined, depth: number): void => {
    for (let index = nodes.length - 1; index >= 0; index -= 1) {
      const node = nodes[index];
      if (node) open.push({ node, parent, depth, isLast: index === nodes.length - 1 });
    }
  };
  push(roots, undefined, 0);
  for (let place = open.pop(); place; place = open.pop()) {
    places.push(place);
    push(place.node.children, place.node, place.depth + 1);
  }
  return places;
}

/** Its children are still to be found. */
type GrowingNode = SpanNode & { readonly children: GrowingNode[] };

/** Who called whom. */
interface Family {
  childrenOf(span: Span): readonly Span[];
  isOrphan(span: Span): boolean;
  /** By the other span of the same id, as Zipkin's clients and servers share one. */
  isCalled(span: Span): boolean;
}

function familyOf({ spans }: Trace): Family {
  const byId = grouped(spans, ({ id }) => id);
  const byParent = grouped(spans, ({ id, parentId }) => (parentId === id ? undefined : parentId));
  /** Of spans that share an id the server is below the client, and what it calls below the server. */
  const serverOf = new Map(
    [...byId].flatMap(([id, same]) => {
      const server = same.length > 1 && same.some(({ kind }) => kind === 'client') && same.find(isServer);
      return server ? [[id, server] as const] : [];
    }),
  );
  const isCalled = (span: Span): boolean => serverOf.get(span.id) === span;
  return {
    isCalled,
    isOrphan: (span) => span.parentId !== undefined && !byId.has(span.parentId) && !isCalled(span),
    childrenOf(span) {
      const server = serverOf.get(span.id);
      if (server && server !== span) return span.kind === 'client' ? [server] : [];
      return (byParent.get(span.id) ?? []).filter((child) => !isCalled(child));
    },
  };
}

function isServer({ kind }: Span): boolean {
  return kind === 'server';
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string | undefined): ReadonlyMap<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

function nodeOf(span: Span, parent: SpanNode | undefined, orphan: boolean): GrowingNode {
  const skewMs = skewOf(span, parent);
  const startMs = span.offsetMs - skewMs;
  return { span, children: [], startMs, endMs: startMs + span.durationMs, skewMs, orphan };
}

/**
 * A call cannot start before its caller or outlast it. Where it seems to, and another service answered it, the two
 * machines' clocks differ: the call is put into the middle of its caller, as the network's ways there and back take
 * about the same time. Spans of one service share a clock, hence a skew. Consumers of a queue may well come later.
 */
function skewOf(span: Span, parent: SpanNode | undefined): number {
  if (!parent || span.kind === 'consumer') return 0;
  if (span.service === parent.span.service) return parent.skewMs;
  const startMs = span.offsetMs - parent.skewMs;
  const inside = startMs >= parent.startMs && startMs + span.durationMs <= parent.endMs;
  const spareMs = parent.endMs - parent.startMs - span.durationMs;
  if (inside || spareMs < 0) return parent.skewMs;
  return span.offsetMs - (parent.startMs + spareMs / 2);
}
