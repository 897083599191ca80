import { describe, expect, it } from 'vitest';
import { fail, ScriptedActivities, untilCancelled } from '../support/fake-activities.js';
import { quiet, stepOf, tearDown, useHarness, withEnvironment } from './harness.js';

const harness = useHarness();

/** A meeting point: resolves for all once `size` callers have come. */
function meeting(size: number): () => Promise<void> {
  let come = 0;
  let open: () => void = () => undefined;
  const all = new Promise<void>((resolve) => (open = resolve));
  return () => {
    come += 1;
    if (come === size) open();
    return all;
  };
}

describe('install', () => {
  it('runs every step after all that it needs, and nothing twice', async () => {
    const scripted = new ScriptedActivities();
    await withEnvironment(harness, scripted, async (environment) => {
      const ready = await environment.until('Ready', ({ phase }) => phase === 'Ready');
      expect(ready.steps.map(({ state }) => state)).toEqual(ready.steps.map(() => 'done'));
      const before = (first: string, second: string): void => {
        expect(scripted.log.indexOf(`end ${first}`)).toBeLessThan(scripted.log.indexOf(`start ${second}`));
      };
      for (const step of ready.steps) for (const need of step.needs) before(need, step.name);
      expect(new Set(scripted.log).size).toBe(scripted.log.length);
      expect(ready.proof?.spans).toBe(51);
      await tearDown(environment);
    });
  });

  it('runs in parallel what does not depend on each other', async () => {
    // Each of the four waits for the other three: with any order among them the install would never end.
    const together = meeting(4);
    const scripted = new ScriptedActivities();
    for (const step of ['tempo', 'prometheus-stack', 'cert-manager', 'hotrod']) scripted.on(step, together);
    await withEnvironment(harness, scripted, async (environment) => {
      await environment.until('Ready', ({ phase }) => phase === 'Ready');
      await tearDown(environment);
    });
  });

  it('retries a failure that may pass, with back-off and without limit by attempts', async () => {
    const scripted = new ScriptedActivities().on('tempo', (attempt) => {
      if (attempt < 5) fail('release.failed');
    });
    await withEnvironment(harness, scripted, async (environment) => {
      await environment.until('Ready', ({ phase }) => phase === 'Ready', true);
      expect(scripted.count('start tempo')).toBe(5);
      await tearDown(environment);
    });
  });

  it('gives a permanent failure exactly one attempt and blocks with its type, message and remedy', async () => {
    const scripted = new ScriptedActivities().on('tempo', () => fail('release.foreign', 'tempo is not ours'));
    await withEnvironment(harness, scripted, async (environment) => {
      const blocked = await environment.until('Blocked', (progress) => quiet(progress));
      expect(stepOf(blocked, 'tempo')).toMatchObject({
        state: 'blocked',
        failure: { type: 'release.foreign', message: 'tempo is not ours', remedy: 'Mend it.' },
      });
      expect(scripted.count('start tempo')).toBe(1);
      await tearDown(environment);
    });
  });

  it('goes on with all that does not need the blocked step, and not with the rest', async () => {
    const scripted = new ScriptedActivities().on('operator', () => fail('chart.not-found'));
    await withEnvironment(harness, scripted, async (environment) => {
      const blocked = await environment.until(
        'all but operator and what needs it',
        (progress) => quiet(progress) && progress.steps.filter(({ state }) => state === 'done').length === 5,
      );
      expect(blocked.phase).toBe('Blocked');
      expect(stepOf(blocked, 'collector').state).toBe('pending');
      expect(stepOf(blocked, 'verification').state).toBe('pending');
      await tearDown(environment);
    });
  });

  it('with failFast ends at the first failure, cancels the others and stays for a decision', async () => {
    const all = meeting(4);
    const scripted = new ScriptedActivities().on('hotrod', async () => {
      await all();
      fail('manifest.rejected', 'no such field');
    });
    for (const step of ['tempo', 'prometheus-stack', 'cert-manager']) {
      scripted.on(step, async () => {
        await all();
        await untilCancelled();
      });
    }
    await withEnvironment(
      harness,
      scripted,
      async (environment) => {
        const stopped = await environment.until('Stopped', ({ phase }) => phase === 'Stopped');
        expect(stopped.stoppedBecause).toBe('hotrod failed: no such field');
        expect(stepOf(stopped, 'hotrod').state).toBe('failed');
        expect(stepOf(stopped, 'tempo').state).toBe('cancelled');
        await tearDown(environment);
      },
      { failFast: true },
    );
  });
});
