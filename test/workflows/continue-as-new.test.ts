import { describe, expect, it } from 'vitest';
import type { ExtendResult, RunTicket } from '../../src/workflows/messages.js';
import { ScriptedActivities } from '../support/fake-activities.js';
import { spec } from '../support/stack.js';
import {
  ready,
  type RunningEnvironment,
  startRealHarness,
  stepOf,
  tearDown,
  update,
  useHarness,
  withEnvironment,
} from './harness.js';

const harness = useHarness();
const real = useHarness(startRealHarness);

const hour = 3_600_000;
/** An install of the test's stack has about 75 events. */
const threshold = { continueAfterEvents: 40 };

const runIdOf = async ({ handle }: RunningEnvironment): Promise<string> => (await handle.describe()).runId;

/** Waits until a run with an empty history has taken over. */
async function untilContinued(
  environment: RunningEnvironment,
  from: string,
  skipTime = false,
): Promise<string> {
  // Without queries: one that meets the continue-as-new stops the clock of the time-skipping server for good.
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const runId = await runIdOf(environment);
    if (runId !== from) return runId;
    await (skipTime ? harness.env.sleep('1s') : new Promise((resolve) => setTimeout(resolve, 25)));
  }
  throw new Error('It did not continue as new.');
}

describe('continue-as-new', () => {
  it('happens at rest, and nothing is lost', async () => {
    const scripted = new ScriptedActivities();
    await withEnvironment(
      harness,
      scripted,
      async (environment) => {
        const runId = await runIdOf(environment);
        await untilContinued(environment, runId);
        const progress = await environment.progress();
        expect(progress).toMatchObject({ phase: 'Ready', run: 1, hostId: progress.environment });
        expect(progress.steps.every(({ state }) => state === 'done')).toBe(true);
        expect(progress.steps[0]?.startedAt).toBeGreaterThanOrEqual(progress.startedAt);
        expect(progress.proof?.spans).toBe(51);
        expect(progress.cluster?.serverUrl).toBe('https://none');
        // It comes to rest once the trace of the install is sent, a moment after its proof.
        const { expiresAt = 0, nextVerificationAt = 0, lastVerifiedAt = 0 } = progress;
        expect(expiresAt - nextVerificationAt).toBe(3 * hour);
        expect(nextVerificationAt - lastVerifiedAt).toBeGreaterThanOrEqual(hour);
        expect(nextVerificationAt - lastVerifiedAt).toBeLessThan(hour + 60_000);
        expect(await update<RunTicket>(environment, 'verify')).toEqual({ run: 2 });
        await ready(environment, 2);
        expect(scripted.count('start tempo')).toBe(1);
        const removed = await tearDown(environment);
        expect(removed.phase).toBe('Removed');
        expect(stepOf(removed, 'cluster').outcome).toBe('deleted');
      },
      { ttlMs: 4 * hour, verifyEveryMs: hour },
      threshold,
    );
  });

  it('keeps the clocks going: checks and the end of the time to live come when they were due', async () => {
    const scripted = new ScriptedActivities();
    await withEnvironment(
      harness,
      scripted,
      async (environment) => {
        const runId = await runIdOf(environment);
        const second = await untilContinued(environment, runId);
        const { expiresAt = 0, nextVerificationAt = 0 } = await environment.progress();
        await harness.env.sleep(nextVerificationAt - (await harness.env.currentTimeMs()) - 2_000);
        await untilContinued(environment, second, true);
        expect(await environment.progress()).toMatchObject({ run: 2, expiresAt });
        expect((await environment.progress()).drift).toHaveLength(6);
        await update<ExtendResult>(environment, 'extend', { ms: 20 * 60_000 });
        await harness.env.sleep('19m');
        expect((await environment.progress()).phase).toBe('Ready');
        await environment.until('Removed', ({ phase }) => phase === 'Removed', true);
      },
      { ttlMs: 4 * hour, verifyEveryMs: hour },
      threshold,
    );
  });

  it('loses no update that is sent while it happens, and executes none twice', async () => {
    const scripted = new ScriptedActivities();
    await withEnvironment(
      real,
      scripted,
      async (environment) => {
        const runs = new Set([await runIdOf(environment)]);
        await environment.until('Ready', ({ phase }) => phase === 'Ready');
        // Each apply is an install of its own, so each is followed by a continue-as-new; extends come all the while.
        const sending = { going: true };
        let extended = 0;
        const extending = (async () => {
          for (; sending.going; extended += 1)
            await update(environment, 'extend', { ms: (extended + 1) * hour });
        })();
        for (let run = 2; run <= 4; run += 1) {
          expect(await update<RunTicket>(environment, 'apply', { spec: spec() })).toEqual({ run });
          await ready(environment, run);
          runs.add(await runIdOf(environment));
        }
        sending.going = false;
        await extending;
        expect(extended).toBeGreaterThan(5);
        expect(runs.size).toBeGreaterThanOrEqual(3);
        const { expiresAt = 0, run } = await environment.progress();
        expect(run).toBe(4);
        expect(expiresAt - Date.now()).toBeGreaterThan((extended - 1) * hour);
        expect(scripted.count('start tempo')).toBe(4);
        await tearDown(environment);
      },
      {},
      threshold,
    );
  });

  it('remembers a pause, and an environment that stopped stays stopped', async () => {
    const scripted = new ScriptedActivities();
    await withEnvironment(
      harness,
      scripted,
      async (environment) => {
        const first = await runIdOf(environment);
        const second = await untilContinued(environment, first);
        await update(environment, 'pause');
        await update(environment, 'apply', { spec: spec() });
        await update(environment, 'abort');
        await update(environment, 'resume');
        await update(environment, 'pause');
        for (let count = 0; (await runIdOf(environment)) === second && count < 20; count += 1)
          await update(environment, 'extend', { ms: hour });
        expect(await runIdOf(environment)).not.toBe(second);
        expect(await environment.progress()).toMatchObject({
          phase: 'Stopped',
          paused: true,
          stoppedBecause: 'it was aborted',
          run: 2,
        });
        await tearDown(environment);
      },
      {},
      threshold,
    );
  });
});
