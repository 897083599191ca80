import { describe, expect, test } from 'vitest';
import { longestOf, shortfall, type SearchHit } from '../../src/domain/proof.js';

const hit = (traceId: string, durationMs: number): SearchHit => ({
  traceId,
  durationMs,
  rootService: 's',
  rootName: 'n',
  startNs: '0',
});

describe('the longest trace', () => {
  test('is the first of the longest', () => {
    expect(longestOf([hit('a', 5), hit('b', 9), hit('c', 9)])?.traceId).toBe('b');
  });
  test('of nothing is none', () => {
    expect(longestOf([])).toBeUndefined();
  });
});

describe('what a trace lacks', () => {
  const expected = { spans: 35, services: ['frontend', 'driver'] };

  test('nothing', () => {
    expect(shortfall({ own: 1, frontend: 34, driver: 1 }, expected, 'own')).toBeUndefined();
  });
  test('a span: our own does not count', () => {
    expect(shortfall({ own: 1, frontend: 33, driver: 1 }, expected, 'own')).toEqual({
      spans: { seen: 34, wanted: 35 },
      services: [],
    });
  });
  test('a service', () => {
    expect(shortfall({ own: 1, frontend: 40 }, expected, 'own')).toEqual({
      spans: undefined,
      services: ['driver'],
    });
  });
  test('names that objects have of their own are no services', () => {
    expect(shortfall({ a: 40 }, { spans: 1, services: ['constructor'] }, 'own')?.services).toEqual([
      'constructor',
    ]);
  });
});
