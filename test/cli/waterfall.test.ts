import { describe, expect, test } from 'vitest';
import { createPaint } from '../../src/cli/views/format.js';
import { widthOf } from '../../src/cli/views/text-width.js';
import { renderWaterfall } from '../../src/cli/views/waterfall.js';
import { formatMs } from '../../src/domain/duration.js';
import { rideTrace } from '../proof/support/fixtures.js';
import { rawSpan, traceOfSpans } from '../support/spans.js';

const plain = (...args: Parameters<typeof traceOfSpans>): string[] =>
  renderWaterfall(traceOfSpans(...args), { width: 60, paint: createPaint(false) });

describe('the waterfall', () => {
  test('of a recorded ride', () => {
    expect(
      renderWaterfall(rideTrace(), { width: 100, paint: createPaint(false) }).join('\n'),
    ).toMatchSnapshot();
  });

  test('of a recorded ride in a narrow terminal: without bars', () => {
    expect(
      renderWaterfall(rideTrace(), { width: 44, paint: createPaint(false) }).join('\n'),
    ).toMatchSnapshot();
  });

  test.each([30, 44, 59, 60, 80, 100, 200])('never gets wider than the terminal: %i columns', (width) => {
    const lines = renderWaterfall(rideTrace(), { width, paint: createPaint(false) });
    // The trace id stays whole, so that it can be copied.
    const rows = lines.filter((line) => !line.startsWith('trace '));
    expect(Math.max(...rows.map(widthOf))).toBeLessThanOrEqual(width);
    expect(lines.filter((line) => line.includes(' ms'))).not.toHaveLength(0);
  });

  test('takes no other room with colours', () => {
    const strip = (text: string): string =>
      text.replace(new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'gu'), '');
    const coloured = renderWaterfall(rideTrace(), { width: 100, paint: createPaint(true) });
    expect(coloured.join('\n')).toContain('\u001b[31m');
    expect(coloured.map(strip)).toEqual(
      renderWaterfall(rideTrace(), { width: 100, paint: createPaint(false) }),
    );
  });

  test('of one span, with and without a duration', () => {
    expect(plain(rawSpan('a', 0, 5))).toContain(
      'shop a                         ██████████████████████   5.0 ms'.replace(
        '██████████████████████',
        '█'.repeat(20),
      ),
    );
    expect(
      plain(rawSpan('a', 0, 0)).some((line) => line.startsWith('shop a') && line.endsWith('0.00 ms')),
    ).toBe(true);
  });

  test('marks errors, missing parents and clocks, and explains them', () => {
    const lines = plain(
      rawSpan('a', 0, 100),
      rawSpan('b', 5_000, 5_010, 'a', { service: 'far' }),
      rawSpan('c', 1, 2, 'missing', { status: 'error', error: 'boom' }),
    );
    expect(lines.find((line) => line.includes('far b'))).toContain('(clock)');
    expect(lines.find((line) => line.startsWith('✗ shop c boom'))).toBeDefined();
    const foot = lines.slice(-6).join(' ');
    expect(foot).toContain('Errors: shop c: boom');
    expect(foot).toContain('1 span without the parent that they name');
    expect(foot).toContain('(clock): the clocks of two machines differ; 1 span moved');
  });

  test('of a deep trace keeps room for names', () => {
    const deep = Array.from({ length: 80 }, (_, index) =>
      rawSpan(`s${String(index)}`, index, 200 - index, index === 0 ? undefined : `s${String(index - 1)}`),
    );
    const lines = plain(...deep);
    expect(lines.some((line) => line.startsWith('…79 s79'))).toBe(true);
  });

  test('of a thousand spans has a line for each', () => {
    const many = [
      rawSpan('root', 0, 1_000),
      ...Array.from({ length: 1_000 }, (_, index) => rawSpan(`s${String(index)}`, index, index + 1, 'root')),
    ];
    expect(plain(...many)).toHaveLength(1_001 + 6);
  });

  test('names that would steer the terminal do not, and wide ones keep the columns', () => {
    const [, , , , row = ''] = plain(
      rawSpan('a', 0, 5, undefined, { name: 'x\u001b[2J\u0007\r\ny\u202e 追踪訊息' }),
    );
    expect(row).toContain('x[2J y 追踪訊息');
    expect(widthOf(row)).toBe(60);
  });
});

test.each([
  [0, '0.00 ms'],
  [0.994, '0.99 ms'],
  [0.996, '1.0 ms'],
  [9.96, '10 ms'],
  [999.6, '1.00 s'],
  [12_345, '12 s'],
  [600_000, '10 min'],
])('%d ms reads %s', (ms, text) => {
  expect(formatMs(ms)).toBe(text);
});
