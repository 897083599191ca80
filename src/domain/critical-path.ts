import type { Trace } from './trace.js';
import { treeOf, type SpanNode, type SpanTree } from './trace-tree.js';

/**
 * A stretch of time in which this span, and none that it waited for, kept the whole from being done. Milliseconds from
 * the trace's start.
 */
export interface CriticalSegment {
  readonly node: SpanNode;
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * What the duration of a trace is made of: walking back from the end of the root, always into the call that ended
 * last before the point reached. The segments follow each other in time and fill the root without a gap.
 * @param tree of the same trace, where the caller has it already
 */
export function criticalPath(trace: Trace, tree: SpanTree = treeOf(trace)): readonly CriticalSegment[] {
  const [root] = tree.roots;
  return root ? walkBack(root).reverse() : [];
}

/** A span that is being walked through, from its end to its start. */
interface Walk {
  readonly node: SpanNode;
  readonly startMs: number;
  /** What lies behind it is told. */
  cursorMs: number;
  /** Those that are still to be looked at, the one that ended last at the end. */
  readonly calls: Omit<Walk, 'calls'>[];
}

/** With a stack of its own: traces are deeper than that of the program. */
function walkBack(root: SpanNode): CriticalSegment[] {
  const segments: CriticalSegment[] = [];
  const open = [begin({ node: root, startMs: root.startMs, cursorMs: root.endMs })];
  for (let walk = open.at(-1); walk; walk = open.at(-1)) {
    const { node, startMs, cursorMs } = walk;
    const call = walk.calls.pop();
    if (!call) {
      if (cursorMs > startMs) segments.push({ node, startMs, endMs: cursorMs });
      open.pop();
    } else if (call.cursorMs <= cursorMs) {
      if (cursorMs > call.cursorMs) segments.push({ node, startMs: call.cursorMs, endMs: cursorMs });
      walk.cursorMs = call.startMs;
      open.push(begin(call));
    }
  }
  return segments;
}

/** A call that outlasts its caller was not waited for to its end: it counts only as far as the caller lived. */
function begin(walk: Omit<Walk, 'calls'>): Walk {
  const { node, startMs, cursorMs } = walk;
  const calls = node.children
    .map((child) => ({
      node: child,
      startMs: Math.max(child.startMs, startMs),
      cursorMs: Math.min(child.endMs, cursorMs),
    }))
    .filter((call) => call.cursorMs > call.startMs)
    .sort((a, b) => b.cursorMs - a.cursorMs)
    .reverse();
  return { ...walk, calls };
}

/** The segments of each span that has some, in the order of time. */
export function segmentsByNode(
  path: readonly CriticalSegment[],
): ReadonlyMap<SpanNode, readonly CriticalSegment[]> {
  const groups = new Map<SpanNode, CriticalSegment[]>();
  for (const segment of path) {
    const group = groups.get(segment.node);
    if (group) group.push(segment);
    else groups.set(segment.node, [segment]);
  }
  return groups;
}

/** Milliseconds on the critical path by service, the longest first. */
export function criticalByService(
  path: readonly CriticalSegment[],
): readonly (readonly [service: string, ms: number])[] {
  const totals = new Map<string, number>();
  for (const { node, startMs, endMs } of path) {
    totals.set(node.span.service, (totals.get(node.span.service) ?? 0) + endMs - startMs);
  }
  return [...totals].sort((a, b) => b[1] - a[1]);
}
