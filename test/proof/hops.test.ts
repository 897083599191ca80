import { describe, expect, test } from 'vitest';
import { TracewrightError, type FailureType } from '../../src/domain/failure.js';
import type { Check, CheckName } from '../../src/domain/proof.js';
import { runHops, type Hop } from '../../src/proof/hops.js';
import { poll } from '../../src/tools/poll.js';

const ride: Check = { name: 'ride', state: 'passed', detail: 'taken', tookMs: 1 };
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const failed = (type: FailureType, more: { retryable?: boolean } = {}): TracewrightError =>
  new TracewrightError({ type, message: `${type}!`, remedy: 'Repair it.', evidence: ['seen'], ...more });

const passes = (name: CheckName, ms: number): Hop => ({ name, check: () => sleep(ms).then(() => 'fine') });
const fails = (name: CheckName, ms: number, type: FailureType): Hop => ({
  name,
  check: async () => {
    await sleep(ms);
    throw failed(type);
  },
});
const waits = (name: CheckName): Hop => ({
  name,
  check: async ({ signal, note }) => {
    const result = await poll(() => Promise.resolve({ seen: 'nothing yet' }), {
      // Longer than any test may take.
      deadlineMs: 3_600_000,
      signal,
      onLook: note,
    });
    return JSON.stringify(result);
  },
});

describe('hops', () => {
  const run = (...hops: Hop[]) =>
    runHops({ hops, store: 'Tempo', before: ride, signal: new AbortController().signal });

  test('run together, and pass in their order', async () => {
    let meet: () => void = () => undefined;
    const met = new Promise<void>((resolve) => {
      meet = resolve;
    });
    const checks = await run(
      { name: 'collector-log', check: () => met.then(() => 'fine') },
      {
        name: 'tempo-by-id',
        check: () => {
          meet();
          return Promise.resolve('fine');
        },
      },
      { ...passes('grafana', 0), skip: 'none here' },
    );
    expect(checks.map(({ name, state, reason }) => [name, state, reason])).toEqual([
      ['ride', 'passed', undefined],
      ['collector-log', 'passed', undefined],
      ['tempo-by-id', 'passed', undefined],
      ['grafana', 'skipped', 'none here'],
    ]);
  });

  test('a broken one gives up those behind it at once', async () => {
    const error: unknown = await run(
      passes('collector-log', 10),
      fails('tempo-by-id', 50, 'proof.trace-missing'),
      waits('traceql'),
    ).catch((it: unknown) => it);
    expect(error).toMatchObject({
      type: 'proof.trace-missing',
      evidence: [
        '✓ HotROD ride: taken',
        "✓ Collector's log: fine",
        '✗ Tempo, by trace id: nothing',
        '? Tempo, by TraceQL: last seen: nothing yet',
        'seen',
      ],
    });
  });

  test('the first broken one is named, also when a later one failed before it', async () => {
    const error: unknown = await run(
      fails('collector-log', 80, 'proof.collector-silent'),
      fails('tempo-by-id', 10, 'proof.trace-missing'),
    ).catch((it: unknown) => it);
    expect(error).toMatchObject({ type: 'proof.collector-silent' });
  });

  test('a bug ends all and stays a bug', async () => {
    const bug: Hop = { name: 'collector-log', check: () => Promise.reject(new RangeError('oops')) };
    await expect(run(bug, waits('tempo-by-id'))).rejects.toThrow(RangeError);
  });

  test('a cancelled verification ends at once, and is no broken hop', async () => {
    const controller = new AbortController();
    setTimeout(() => {
      controller.abort();
    }, 30);
    const error: unknown = await runHops({
      hops: [waits('collector-log'), waits('traceql')],
      store: 'Tempo',
      before: ride,
      signal: controller.signal,
    }).catch((it: unknown) => it);
    expect(error).toMatchObject({ type: 'step.cancelled' });
  });
});

describe('poll', () => {
  const signal = new AbortController().signal;

  test('finds what comes later', async () => {
    let looks = 0;
    const result = await poll(() => Promise.resolve(++looks === 3 ? { found: looks } : { seen: 'not yet' }), {
      deadlineMs: 5_000,
      signal,
    });
    expect(result).toEqual({ found: 3 });
  });

  test('ends at its deadline with what it saw last', async () => {
    const result = await poll(() => Promise.reject(failed('proof.trace-missing')), {
      deadlineMs: 700,
      signal,
    });
    expect(result).toMatchObject({ seen: 'proof.trace-missing!', error: { type: 'proof.trace-missing' } });
  });

  test('ends at once where looking again is no use', async () => {
    let looks = 0;
    const look = (): Promise<never> => {
      looks += 1;
      return Promise.reject(failed('proof.search-silent', { retryable: false }));
    };
    await expect(poll(look, { deadlineMs: 5_000, signal })).rejects.toThrow('proof.search-silent!');
    expect(looks).toBe(1);
  });
});
