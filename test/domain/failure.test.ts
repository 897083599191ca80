import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { failureTypes, toFailure, TracewrightError } from '../../src/domain/failure.js';
import { durationMs, formatDuration } from '../../src/domain/duration.js';

describe('failures', () => {
  it('have dotted types, and retryable ones more than one attempt', () => {
    for (const [type, kind] of Object.entries(failureTypes)) {
      expect(type).toMatch(/^[a-z]+\.[a-z-]+$/);
      // A terminal kind may have more: a single failure of it can say that it is transient.
      if (kind.retryable) expect(kind.attempts).toBeGreaterThan(1);
      expect(kind.when.length).toBeGreaterThan(10);
    }
  });

  it('each have a test that names them', async () => {
    const folder = join(import.meta.dirname, '..');
    const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.test.ts'));
    const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
    const all = texts.join('\n');
    expect(Object.keys(failureTypes).filter((type) => !all.includes(type))).toEqual([]);
  });

  it('become plain data that keeps all but the stack', () => {
    const cause = new Error('connect ECONNREFUSED');
    const error = new TracewrightError({
      type: 'cluster.unreachable',
      message: 'm',
      remedy: 'r',
      evidence: ['e'],
      cause,
    });
    expect(error.cause).toBe(cause);
    const failure = {
      type: 'cluster.unreachable',
      message: 'm',
      remedy: 'r',
      retryable: true,
      evidence: ['e'],
    };
    expect(JSON.parse(JSON.stringify(toFailure(error)))).toEqual(failure);
  });

  it('say so when nobody expected them', () => {
    expect(toFailure(new TypeError('x is undefined'))).toMatchObject({
      type: 'internal.bug',
      retryable: false,
    });
    expect(toFailure('text').message).toBe('text');
  });
});

describe('durations', () => {
  it.each([
    ['90s', 90_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
  ])('reads %s', (text, ms) => {
    expect(durationMs(text)).toBe(ms);
  });

  it.each([
    [420, '0.4 s'],
    [42_300, '42 s'],
    [185_000, '3 min 05 s'],
  ])('writes %d ms', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
