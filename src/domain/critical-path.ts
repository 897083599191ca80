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
  const root = tree.roots[0];
  const segments: CriticalSegment[] = [];
  if (root) walkBack(root, root.startMs, root.endMs, segments);
  return segments.reverse();
}

function walkBack(node: SpanNode, fromMs: number, untilMs: number, segments: CriticalSegment[]): void {
  let cursor = untilMs;
  // A call that outlasts its caller was not waited for to its end: it counts only as far as the caller lived.
  const calls = node.children
    .map((child) => ({
      child,
      startMs: Math.max(child.startMs, fromMs),
      endMs: Math.min(child.endMs, untilMs),
    }))
    .filter((call) => call.endMs > call.startMs)
    .sort((a, b) => b.endMs - a.endMs);
  for (const { child, startMs, endMs } of calls) {
    if (endMs > cursor) continue;
    if (cursor > endMs) segments.push({ node, startMs: endMs, endMs: cursor });
    walkBack(child, startMs, endMs, segments);
    cursor = startMs;
  }
  if (cursor > fromMs) segments.push({ node, startMs: fromMs, endMs: cursor });
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
