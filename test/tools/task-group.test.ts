import { describe, expect, it } from 'vitest';
import { runTaskGroup } from '../../src/tools/task-group.js';

/** Ends when the signal fires, as a program that is killed. */
const untilCancelled = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      reject(new Error('cancelled'));
    });
  });

describe('runTaskGroup', () => {
  it('ends the other tasks with the first failure, and throws that one once all have ended', async () => {
    let ended = false;
    const running = runTaskGroup(undefined, ({ all, signal }) =>
      all([
        untilCancelled(signal).finally(() => {
          ended = true;
        }),
        Promise.reject(new Error('no network')),
      ]),
    );
    await expect(running).rejects.toThrow('no network');
    expect(ended).toBe(true);
  });

  it('ends all of them when the caller cancels', async () => {
    const stop = new AbortController();
    const running = runTaskGroup(stop.signal, ({ all, signal }) => all([untilCancelled(signal)]));
    stop.abort();
    await expect(running).rejects.toThrow('cancelled');
  });

  it('answers with what was made of the tasks', async () => {
    const sum = await runTaskGroup(undefined, async ({ all }) => {
      const parts = [Promise.resolve(1), Promise.resolve(2)];
      await all(parts);
      return (await Promise.all(parts)).reduce((a, b) => a + b);
    });
    expect(sum).toBe(3);
  });
});
