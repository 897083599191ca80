import { describe, expect, test } from 'vitest';
import { hitLines } from '../../src/cli/hit-list.js';
import { createPaint } from '../../src/cli/paint.js';
import { widthOf } from '../../src/cli/text-width.js';
import { renderTracePage } from '../../src/cli/trace-page/page.js';
import { rideTrace } from '../proof/support/fixtures.js';
import { rawSpan, traceOfSpans } from '../support/spans.js';

const pageOf = (...spans: Parameters<typeof traceOfSpans>): string =>
  renderTracePage(traceOfSpans(...spans), 'Tracewright 1');

/** Opened elements that are never closed, and the other way round. */
function unbalanced(page: string): string[] {
  const open: string[] = [];
  for (const [, slash, name = ''] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*>/gu)) {
    if (name === 'meta') continue;
    if (slash === '') open.push(name);
    else if (open.pop() !== name) return [name];
  }
  return open;
}

describe('the page of a trace', () => {
  const ride = rideTrace();
  const page = renderTracePage(ride, 'Tracewright 1');

  test('shows every span of a recorded ride with its facts, and what the terminal says below', () => {
    expect(page.match(/<details/gu)).toHaveLength(ride.spans.length);
    expect(unbalanced(page)).toEqual([]);
    for (const { id } of ride.spans) expect(page).toContain(`<dd>${id}</dd>`);
    expect(page).toContain('Critical path █: ');
    expect(page).toMatch(/<details class="failed"[^>]*>.*<span class="error">redis timeout<\/span>/u);
    expect(page).toContain('<dt>http.status_code</dt><dd>200</dd>');
    expect(page).toContain(ride.id);
  });

  test('needs nothing else and is small', () => {
    expect(page).not.toMatch(
      /<(?:script|link|img|iframe)|https?:\/\/(?!0\.0\.0\.0|127)[^<]*"|@import|url\(/u,
    );
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    expect(page.length / ride.spans.length).toBeLessThan(1_500);
  });

  test('draws the bars where the terminal does: a call in the second half, half of it critical', () => {
    const halves = pageOf(rawSpan('a', 0, 100), rawSpan('b', 50, 100, 'a', { service: 'far' }));
    expect(halves).toContain(
      '<i style="left:50%;width:50%"></i><i class="critical" style="left:50%;width:50%">',
    );
    expect(halves).toContain(
      '<i style="left:0%;width:100%"></i><i class="critical" style="left:0%;width:50%">',
    );
  });

  test('a trace without a duration has bars all the same', () => {
    expect(pageOf(rawSpan('a', 0, 0))).toContain('<i style="left:0%;width:0%"></i>');
  });

  test('what spans say stays text', () => {
    const evil = `</details><script>alert(1)</script>"'><img src=x onerror=alert(1)>\u001b[2J\u202e`;
    const hostile = pageOf(
      rawSpan('a', 0, 5, undefined, {
        name: evil,
        service: evil,
        status: 'error',
        error: evil,
        attributes: { [evil]: evil },
      }),
    );
    expect(hostile).not.toMatch(/<(?:script|img)/u);
    expect(unbalanced(hostile)).toEqual([]);
    expect(hostile).not.toContain('\u001b');
    expect(hostile).not.toContain('\u202e');
    expect(hostile).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&gt;&lt;img src=x');
  });
});

test.each([[44], [80], [120]])('the hits of a search fit %i columns, ids whole', (columns) => {
  const hit = {
    traceId: 'ab'.repeat(16),
    rootService: 'frontend',
    rootName: `HTTP GET /dispatch ${'x'.repeat(100)}`,
    durationMs: 704,
    startNs: '1700000000000000000',
  };
  const [line = ''] = hitLines([hit], { paint: createPaint(false), columns });
  expect(line).toMatch(/^(?:ab){16} {4}704 ms {2}2023-11-14T22:13:20Z/u);
  expect(widthOf(line)).toBeLessThanOrEqual(Math.max(columns, 64));
});
