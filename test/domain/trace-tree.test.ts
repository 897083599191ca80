import { describe, expect, test } from 'vitest';
import { criticalByService, criticalPath } from '../../src/domain/critical-path.js';
import { placesOf, treeOf, type SpanNode } from '../../src/domain/trace-tree.js';
import { rideTrace } from '../proof/support/fixtures.js';
import { rawSpan, traceOfSpans } from '../support/spans.js';

const shape = ({ span, children }: SpanNode): string =>
  children.length === 0 ? span.id : `${span.id}(${children.map(shape).join(' ')})`;

describe('the tree of a trace', () => {
  test('has children by start time', () => {
    const trace = traceOfSpans(
      rawSpan('a', 0, 9),
      rawSpan('c', 4, 5, 'a'),
      rawSpan('b', 1, 3, 'a'),
      rawSpan('d', 2, 3, 'b'),
    );
    expect(treeOf(trace).roots.map(shape)).toEqual(['a(b(d) c)']);
  });

  test('keeps orphans, as roots behind the root', () => {
    const tree = treeOf(
      traceOfSpans(rawSpan('lost', 0, 9, 'missing'), rawSpan('kid', 1, 2, 'lost'), rawSpan('root', 3, 4)),
    );
    expect(tree.roots.map(shape)).toEqual(['root', 'lost(kid)']);
    expect(tree.roots.map((node) => node.orphan)).toEqual([false, true]);
  });

  test('ends where parents go in a circle, with every span in it once', () => {
    const tree = treeOf(
      traceOfSpans(rawSpan('a', 0, 1, 'b'), rawSpan('b', 2, 3, 'a'), rawSpan('self', 4, 5, 'self')),
    );
    expect(
      placesOf(tree.roots)
        .map(({ node }) => node.span.id)
        .sort(),
    ).toEqual(['a', 'b', 'self']);
  });

  test('puts a call into the middle of its caller, where the clocks of two machines differ', () => {
    const trace = traceOfSpans(
      rawSpan('call', 0, 10),
      rawSpan('answer', 5_000, 5_006, 'call', { service: 'far' }),
      rawSpan('work', 5_001, 5_002, 'answer', { service: 'far' }),
    );
    const [call] = treeOf(trace).roots;
    const [answer] = call?.children ?? [];
    expect(answer).toMatchObject({ startMs: 2, endMs: 8, skewMs: 4_998 });
    expect(answer?.children[0]).toMatchObject({ startMs: 3, endMs: 4, skewMs: 4_998 });
    expect(treeOf(trace)).toMatchObject({ startMs: 0, endMs: 10 });
  });

  test('leaves alone what may be late: consumers of queues, and calls longer than their callers', () => {
    const trace = traceOfSpans(
      rawSpan('send', 0, 10),
      rawSpan('consume', 50, 60, 'send', { service: 'far', kind: 'consumer' }),
      rawSpan('detached', 5, 90, 'send', { service: 'far' }),
    );
    expect(placesOf(treeOf(trace).roots).map(({ node }) => node.skewMs)).toEqual([0, 0, 0]);
    expect(treeOf(trace).endMs).toBe(90);
  });

  test('has a server below the client that shares its id, as Zipkin writes them, and its calls below it', () => {
    const trace = traceOfSpans(
      rawSpan('root', 0, 9),
      rawSpan('rpc', 1, 8, 'root', { kind: 'client' }),
      rawSpan('rpc', 2, 7, 'root', { kind: 'server', service: 'far' }),
      rawSpan('query', 3, 4, 'rpc', { service: 'far' }),
    );
    const [root] = treeOf(trace).roots;
    expect(root && shape(root)).toBe('root(rpc(rpc(query)))');
    expect(treeOf(traceOfSpans(...[1, 2].map((at) => rawSpan('same', at, 9, 'same')))).roots).toHaveLength(1);
  });

  test('of a recorded ride needs no correction: its programs share a clock', () => {
    const nodes = placesOf(treeOf(rideTrace()).roots).map(({ node }) => node);
    expect(nodes).toHaveLength(51);
    expect(nodes.filter((node) => Math.abs(node.skewMs) >= 1)).toEqual([]);
  });
});

describe('the critical path', () => {
  const text = (...args: Parameters<typeof criticalPath>): string =>
    criticalPath(...args)
      .map(({ node, startMs, endMs }) => `${node.span.id} ${String(startMs)}-${String(endMs)}`)
      .join(', ');

  test('goes through the call that ended last, then through the one before it', () => {
    const trace = traceOfSpans(
      rawSpan('a', 0, 100),
      rawSpan('b', 10, 40, 'a'),
      rawSpan('c', 20, 60, 'a'),
      rawSpan('d', 60, 90, 'a'),
    );
    expect(text(trace)).toBe('a 0-20, c 20-60, d 60-90, a 90-100');
  });

  test('goes down into a call', () => {
    const trace = traceOfSpans(rawSpan('a', 0, 100), rawSpan('b', 10, 90, 'a'), rawSpan('c', 30, 80, 'b'));
    expect(text(trace)).toBe('a 0-10, b 10-30, c 30-80, b 80-90, a 90-100');
  });

  test('counts a call that outlasts its caller only as long as that lived', () => {
    expect(text(traceOfSpans(rawSpan('a', 0, 100), rawSpan('b', 50, 300, 'a')))).toBe('a 0-50, b 50-100');
  });

  test('of one span is that span; of a span without duration nothing', () => {
    expect(text(traceOfSpans(rawSpan('a', 0, 5)))).toBe('a 0-5');
    expect(text(traceOfSpans(rawSpan('a', 0, 0)))).toBe('');
  });

  test('of a recorded ride fills it without a gap: most of it in mysql, route and redis', () => {
    const trace = rideTrace();
    const path = criticalPath(trace);
    expect(path[0]?.startMs).toBe(0);
    expect(path.at(-1)?.endMs).toBeCloseTo(trace.durationMs, 6);
    for (const [index, segment] of path.entries())
      expect(segment.startMs).toBeCloseTo(path[index - 1]?.endMs ?? 0, 6);
    expect(
      criticalByService(path)
        .slice(0, 3)
        .map(([service]) => service),
    ).toEqual(['mysql', 'route', 'redis']);
  });
});
