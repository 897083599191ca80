import { describe, expect, test } from 'vitest';
import { errors, normaliseId, orphans, services, traceOf, type RawSpan } from '../../src/domain/trace.js';
import { rideRootSpanId, rideTrace, rideTraceId } from '../proof/support/fixtures.js';
import { rawSpan } from '../support/spans.js';

describe('ids', () => {
  test.each([
    ['1A0772331F3DBD39DDB12ECC4527A464', 32, '1a0772331f3dbd39ddb12ecc4527a464'],
    ['7d2', 16, '00000000000007d2'],
    [' 0x7d2 ', 16, '00000000000007d2'],
  ])('%s is %s', (text, digits, id) => {
    expect(normaliseId(text, digits)).toBe(id);
  });

  test.each(['', '0', 'not-hex', 'f'.repeat(33)])('%j is none', (text) => {
    expect(normaliseId(text, 32)).toBeUndefined();
  });
});

describe('a recorded ride', () => {
  const trace = rideTrace();

  test('has its root, its services in order and its duration', () => {
    expect(trace).toMatchObject({ id: rideTraceId, rootService: 'tracewright', rootName: 'prove embedded' });
    expect(trace.durationMs).toBeCloseTo(692.038, 3);
    expect(trace.spans[0]).toMatchObject({ id: rideRootSpanId, offsetMs: 0, kind: 'client', status: 'ok' });
    expect(Object.entries(services(trace))).toEqual([
      ['tracewright', 1],
      ['frontend', 24],
      ['customer', 1],
      ['mysql', 1],
      ['driver', 1],
      ['redis', 13],
      ['route', 10],
    ]);
  });

  test('has the redis timeouts that HotROD simulates', () => {
    expect(errors(trace).map((span) => [span.service, span.name, span.error])).toEqual([
      ['redis', 'GetDriver', 'redis timeout'],
      ['redis', 'GetDriver', 'redis timeout'],
    ]);
  });

  test('has no orphans, until a parent is taken away', () => {
    expect(orphans(trace)).toEqual([]);
    const frontend = trace.spans.find((span) => span.name === 'HTTP GET /dispatch');
    const without = { ...trace, spans: trace.spans.filter((span) => span !== frontend) };
    expect(orphans(without)).toHaveLength(12);
  });
});

describe('a trace of spans', () => {
  const build = (...spans: RawSpan[]) => traceOf('ab'.repeat(16), spans);

  test('is none without spans', () => {
    expect(build()).toBeUndefined();
  });

  test('counts a span once that was reported twice', () => {
    expect(build(rawSpan('a', 0, 5), rawSpan('a', 0, 5))?.spans).toHaveLength(1);
  });

  test('has a span as its root whose parent is unknown, where none is without a parent', () => {
    expect(build(rawSpan('c', 3, 4, 'b'), rawSpan('b', 1, 9, 'missing'))?.rootName).toBe('b');
  });

  test('draws nothing to the left, where a clock was set back in mid-span', () => {
    expect(build(rawSpan('a', 10, 3))?.spans[0]?.durationMs).toBe(0);
  });
});
