import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished, test, vi } from 'vitest';
import { readAddress, windowOf, writeAddress } from '../../page/app/address.js';
import { client, failureOf } from '../../page/app/client.js';
import { wantedAt } from '../../page/search/complete.js';
import { mistakeOf } from '../../page/search/mistake.js';
import { plotOf, timeLines } from '../../page/search/scale.js';
import { findRows, foldedAbove, modelOf, ticks, visibleRows } from '../../page/trace/model.js';
import { serviceGraph } from '../../page/trace/service-graph.js';
import { pageFolder } from '../../src/cli/serve-traces.js';
import { rideTrace } from '../proof/support/fixtures.js';
import { rawSpan, traceOfSpans } from '../support/spans.js';

describe('the address', () => {
  const usual = '{ status = ok }';

  test('says all that is shown, and nothing that is as usual', () => {
    const address = {
      view: 'proof',
      query: '{ .a = "x & y" }\n| count() > 1',
      range: { fromMs: 1_000, toMs: 2_000 },
      traceId: 'ab',
      spanId: 'cd',
    } as const;
    expect(readAddress(writeAddress(address, usual), usual)).toEqual(address);
    expect(writeAddress({ view: 'search', query: usual, range: { minutes: 60 } }, usual)).toBe('');
    expect(readAddress('?last=15', usual)).toEqual({ view: 'search', query: usual, range: { minutes: 15 } });
  });

  test.each(['?last=-3', '?last=x', '?from=9&to=3', '?from=1', '?view=none&trace='])(
    '%s means the usual',
    (search) => {
      expect(readAddress(search, usual)).toEqual({ view: 'search', query: usual, range: { minutes: 60 } });
    },
  );

  test('asks for a minute of the future: clocks differ', () => {
    expect(windowOf({ minutes: 5 }, 1_000_000)).toEqual({ start: 700, end: 1_060 });
    expect(windowOf({ fromMs: 1_500, toMs: 2_500 }, 0)).toEqual({ start: 1, end: 3 });
  });
});

describe('what is asked of the program behind the page', () => {
  test.each([
    ['nobody answers', () => Promise.reject(new TypeError('Failed to fetch')), 'page.gone'],
    [
      'another program answers',
      () => Promise.resolve(new Response('<p>Hello', { status: 502 })),
      'page.gone',
    ],
    [
      'it says why not',
      () => Promise.resolve(Response.json({ type: 'proof.tempo' }, { status: 502 })),
      'proof.tempo',
    ],
  ])('fails where %s', async (_what, answer, type) => {
    vi.stubGlobal('fetch', answer);
    onTestFinished(() => {
      vi.unstubAllGlobals();
    });
    expect(failureOf(await client.facts().catch((error: unknown) => error))).toMatchObject({ type });
  });
});

describe('what is proposed', () => {
  test.each([
    ['{ ', { what: 'field', from: 2 }],
    ['{ span.ht', { what: 'field', from: 2 }],
    ['{ .a = "}" && res', { what: 'field', from: 14 }],
    ['{ span.http.method = ', { what: 'value', field: 'span.http.method', from: 21 }],
    ['{ span.http.method = "GE', { what: 'value', field: 'span.http.method', from: 21 }],
    ['{ status != er', { what: 'value', field: 'status', from: 12 }],
    ['{ span."my key" =~ "a b', { what: 'value', field: 'span."my key"', from: 19 }],
    ['{ } | co', { what: 'stage', from: 6 }],
    ['{ } | by(resource.', { what: 'field', from: 9 }],
    ['{ } ', undefined],
    ['{ .a = "x" && "', undefined],
    ['', undefined],
  ])('at the end of %s', (before, wanted) => {
    expect(wantedAt(before)).toEqual(wanted);
  });
});

describe('the place of a mistake', () => {
  test('is where the store says, on its line', () => {
    const at = (query: string, refusal: string, grammar?: number): string => {
      const { from, to } = mistakeOf(query, refusal, grammar);
      return query.slice(from, to);
    };
    const said = (line: number, col: number): string =>
      `Tempo refuses the query x: HTTP 400: parse error at line ${String(line)}, col ${String(col)}: unexpected`;
    expect(at('{ .a = }', said(1, 6))).toBe('=');
    expect(at('{ }\n| frobnicate() > 1', said(2, 3))).toBe('frobnicate');
    expect(at('{ .a', said(1, 5))).toBe('a');
    expect(at('{ .a = "line 1, col 1" x }', `refuses { "line 1, col 1" }: ${said(1, 24)}`)).toBe('x');
    expect(at('{ foo }', 'HTTP 400: invalid query', 2)).toBe('foo');
    expect(at('{ foo', 'HTTP 400: invalid query')).toBe('o');
    expect(at('x', said(9, 99))).toBe('x');
    expect(mistakeOf('{ .a = }', said(1, 8)).text).toBe('parse error at line 1, col 8: unexpected');
  });
});

describe('the plot', () => {
  const hit = (durationMs: number, startMs: number) => ({
    traceId: String(startMs),
    rootService: '',
    rootName: '',
    durationMs,
    startNs: `${String(startMs)}000000`,
  });

  test('has time on one axis and the logarithm of durations on the other', () => {
    const { points, levels } = plotOf([hit(1, 0), hit(10, 50), hit(100, 100)], 0, 100);
    expect(points.map(({ x }) => x)).toEqual([0, 0.5, 1]);
    const [low = 0, middle = 0, high = 0] = points.map(({ y }) => y);
    expect(high - middle).toBeCloseTo(middle - low, 5);
    expect(levels.map(({ ms }) => ms)).toEqual([1, 10, 100]);
  });

  test('stands what it is given: nothing, zero, all the same', () => {
    expect(plotOf([], 0, 0).points).toEqual([]);
    for (const { x, y } of plotOf([hit(0, 5), hit(0, 5)], 5, 5).points) {
      expect(Number.isFinite(x) && x >= 0 && x <= 1).toBe(true);
      expect(y).toBeGreaterThan(0);
      expect(y).toBeLessThan(1);
    }
    expect(timeLines(0, 3_600_000, 8).length).toBeLessThanOrEqual(9);
    expect(timeLines(5, 5, 8).length).toBeLessThanOrEqual(1);
  });
});

describe('the rows of a trace', () => {
  const family = traceOfSpans(
    rawSpan('a', 0, 100),
    rawSpan('b', 10, 50, 'a', { service: 'other' }),
    rawSpan('c', 20, 30, 'b', { service: 'other', status: 'error', attributes: { key: 'Needle in hay' } }),
    rawSpan('d', 60, 90, 'a'),
  );
  const model = modelOf(family);

  test('are hidden below a folded one, which tells what failed in them', () => {
    const names = (folded: number[]): number[] =>
      visibleRows(model, new Set(folded)).map(({ index }) => index);
    expect(names([])).toEqual([0, 1, 2, 3]);
    expect(names([1])).toEqual([0, 1, 3]);
    expect(names([0, 1])).toEqual([0]);
    expect(model.rows.map(({ errorsBelow }) => errorsBelow)).toEqual([1, 1, 0, 0]);
    expect(foldedAbove(model, 2, new Set([0, 1, 3]))).toEqual([1, 0]);
  });

  test('are found by all words that stand in them', () => {
    expect(findRows(model, 'needle HAY')).toEqual([2]);
    expect(findRows(model, 'needle nothing')).toEqual([]);
    expect(findRows(model, 'error')).toEqual([2]);
    expect(findRows(model, '  ')).toEqual([]);
  });

  test('of a recorded ride say what each service adds to its duration', () => {
    const ride = modelOf(rideTrace());
    const sum = ride.services.reduce((ms, { criticalMs }) => ms + criticalMs, 0);
    const [root] = ride.rows;
    expect(sum).toBeCloseTo((root?.node.endMs ?? 0) - (root?.node.startMs ?? 0), 3);
    expect(ride.services.reduce((spans, it) => spans + it.spans, 0)).toBe(ride.rows.length);
    expect(ride.errors).toBeGreaterThan(0);
  });

  test('stand below round times', () => {
    expect(ticks(0, 704, 5)).toEqual([0, 200, 400, 600]);
    expect(ticks(0, 0, 5)).toEqual([]);
    expect(ticks(1e17, 1e17 + 1, 5).length).toBeLessThan(20);
  });
});

describe('the service graph', () => {
  test('puts callers left of whom they call, with calls and errors counted', () => {
    const { nodes, edges } = serviceGraph(modelOf(rideTrace()));
    const column = Object.fromEntries(nodes.map((node) => [node.name, node.column]));
    for (const { from, to } of edges) expect(column[from], `${from} → ${to}`).toBeLessThan(column[to] ?? 0);
    expect(edges.find(({ to }) => to === 'redis')?.errors).toBeGreaterThan(0);
  });

  test('has an end where services call each other back', () => {
    const { nodes, edges } = serviceGraph(
      modelOf(
        traceOfSpans(
          rawSpan('a', 0, 9, undefined, { service: 'x' }),
          rawSpan('b', 1, 8, 'a', { service: 'y' }),
          rawSpan('c', 2, 7, 'b', { service: 'x' }),
        ),
      ),
    );
    expect(nodes.map(({ name, column }) => [name, column])).toEqual([
      ['x', expect.any(Number)],
      ['y', expect.any(Number)],
    ]);
    expect(new Set(nodes.map(({ column }) => column)).size).toBe(2);
    expect(edges).toHaveLength(2);
  });
});

describe('what is built', () => {
  it('is at most 150 kB, compressed, and has no script or style in its markup', async () => {
    const names = (await readdir(pageFolder, { recursive: true })).filter((name) => /\.\w+$/u.test(name));
    const sizes = await Promise.all(
      names.map(async (name) => gzipSync(await readFile(join(pageFolder, name))).length),
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(150_000);
    const html = await readFile(join(pageFolder, 'index.html'), 'utf8');
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|https?:/u);
  });
});
