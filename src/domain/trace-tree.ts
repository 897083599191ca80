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

/**
 * The spans of a trace as a tree. Every span is in it once, whatever the parents say: one with an unknown parent
 * becomes a root of its own, and so does the earliest span of a circle.
 */
export function treeOf(trace: Trace): SpanTree {
  const ids = new Set(trace.spans.map((span) => span.id));
  const childrenOf = new Map<string, Span[]>();
  for (const span of trace.spans) {
    if (span.parentId === undefined || span.parentId === span.id) continue;
    childrenOf.set(span.parentId, [...(childrenOf.get(span.parentId) ?? []), span]);
  }
  const placed = new Set<Span>();
  const grow = (span: Span, parent?: SpanNode): SpanNode => {
    placed.add(span);
    const skewMs = skewOf(span, parent);
    const startMs = span.offsetMs - skewMs;
    const children: SpanNode[] = [];
    const orphan = span.parentId !== undefined && !ids.has(span.parentId);
    const node: SpanNode = { span, children, startMs, endMs: startMs + span.durationMs, skewMs, orphan };
    for (const child of childrenOf.get(span.id) ?? [])
      if (!placed.has(child)) children.push(grow(child, node));
    children.sort((a, b) => a.startMs - b.startMs);
    return node;
  };
  const isRoot = (span: Span): boolean => span.parentId === undefined || !ids.has(span.parentId);
  const tops = trace.spans
    .filter(isRoot)
    .sort((a, b) => Number(a.parentId !== undefined) - Number(b.parentId !== undefined));
  const roots = tops.map((span) => grow(span));
  for (const span of trace.spans) if (!placed.has(span)) roots.push(grow(span));
  const nodes = roots.flatMap(flatten);
  return {
    roots,
    startMs: Math.min(...nodes.map((node) => node.startMs)),
    endMs: Math.max(...nodes.map((node) => node.endMs)),
  };
}

/** The node and all below it, parents before children. */
export function flatten(node: SpanNode): SpanNode[] {
  return [node, ...node.children.flatMap(flatten)];
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
