import { describe, expect, it } from 'vitest';
import type { Progress } from '../../src/domain/progress.js';
import type { ExtendResult, RunTicket } from '../../src/workflows/messages.js';
import { fail, ScriptedActivities, heldBack } from '../support/fake-activities.js';
import { spec } from '../support/stack.js';
import {
  quiet,
  ready,
  refusalOf,
  type RunningEnvironment,
  stepOf,
  tearDown,
  update,
  useHarness,
  withEnvironment,
} from './harness.js';

const harness = useHarness();

const hour = 3_600_000;
const minute = 60_000;

/** Lets the server's time pass until shortly before `at`: the rest goes in small steps, so that workers keep up. */
async function untilShortlyBefore(at: number | undefined): Promise<void> {
  const now = await harness.env.currentTimeMs();
  const leftMs = (at ?? now) - now - 2_000;
  if (leftMs > 0) await harness.env.sleep(leftMs);
}

const removed = ({ phase }: Progress): boolean => phase === 'Removed';

describe('the time to live', () => {
  it('counts from the end of the install, and ends the environment at its deadline, not before', async () => {
    const scripted = new ScriptedActivities();
    await withEnvironment(
      harness,
      scripted,
      async (environment) => {
        const { expiresAt = 0, updatedAt } = await ready(environment);
        expect(expiresAt).toBe(updatedAt + 4 * hour);
        await untilShortlyBefore(expiresAt);
        expect((await environment.progress()).phase).toBe('Ready');
        const last = await environment.until('Removed', removed, true);
        expect(last.stoppedBecause).toBe('its time to live was over');
        expect(scripted.log.at(-1)).toBe('remove end cluster');
      },
      { ttlMs: 4 * hour },
    );
  });

  it('runs for a blocked environment as well', async () => {
    const scripted = new ScriptedActivities().on('tempo', () => fail('release.foreign'));
    await withEnvironment(
      harness,
      scripted,
      async (environment) => {
        const { expiresAt } = await environment.until('Blocked', (it) => quiet(it));
        await untilShortlyBefore(expiresAt);
        await environment.until('Removed', removed, true);
      },
      { ttlMs: hour },
    );
  });

  it('is extended, and ended, by an update', async () => {
    await withEnvironment(
      harness,
      new ScriptedActivities(),
      async (environment) => {
        const { expiresAt: first } = await ready(environment);
        const { expiresAt } = await update<ExtendResult>(environment, 'extend', { ms: 9 * hour });
        await untilShortlyBefore(first);
        await harness.env.sleep('1h');
        expect(await environment.progress()).toMatchObject({ phase: 'Ready', expiresAt });
        expect(await update<ExtendResult>(environment, 'extend', { ms: null })).toEqual({});
        await harness.env.sleep('100h');
        const progress = await environment.progress();
        expect(progress.phase).toBe('Ready');
        expect(progress.expiresAt).toBeUndefined();
        await tearDown(environment);
      },
      { ttlMs: hour },
    );
  });

  it('starts anew with each install, and stays as it was when the spec does not mention it', async () => {
    await withEnvironment(
      harness,
      new ScriptedActivities(),
      async (environment) => {
        await ready(environment);
        await harness.env.sleep('30m');
        await update(environment, 'apply', { spec: spec() });
        const again = await ready(environment, 2);
        expect(again.expiresAt).toBe(again.updatedAt + hour);
        await update(environment, 'apply', { spec: spec({ ttlMs: 0 }) });
        expect((await ready(environment, 3)).expiresAt).toBeUndefined();
        await tearDown(environment);
      },
      { ttlMs: hour },
    );
  });

  it('refuses what is no duration, and everything once the environment is torn down', async () => {
    const removal = heldBack();
    const scripted = new ScriptedActivities().on('remove cluster', removal.work);
    await withEnvironment(harness, scripted, async (environment) => {
      await ready(environment);
      for (const ms of [0, -1, 1.5, 1e15, 'soon'])
        expect(await refusalOf(update(environment, 'extend', { ms }))).toMatch(/must be whole milliseconds/);
      const long = spec({ verifyEveryMs: -5 });
      expect(await refusalOf(update(environment, 'apply', { spec: long }))).toMatch(/verifyEveryMs is -5/);
      await environment.handle.signal('teardown');
      expect(await refusalOf(update(environment, 'extend', { ms: hour }))).toMatch(
        /a teardown was asked for/,
      );
      removal.release();
      await environment.handle.result();
    });
  });
});

describe('a check by schedule', () => {
  const every = { verifyEveryMs: 30 * minute };
  const nextCheck = async (environment: RunningEnvironment): Promise<void> => {
    await untilShortlyBefore((await environment.progress()).nextVerificationAt);
  };

  it('looks at every component, proves the environment again, and leaves it Ready', async () => {
    const scripted = new ScriptedActivities()
      .finds('tempo', { state: 'drifted', detail: 'values' })
      .on('observe hotrod', () => fail('manifest.rejected', 'it cannot be seen'));
    await withEnvironment(
      harness,
      scripted,
      async (environment) => {
        const first = await ready(environment);
        expect(first.nextVerificationAt).toBe(first.updatedAt + 30 * minute);
        expect(first.drift).toBeUndefined();
        await nextCheck(environment);
        const checked = await environment.until('run 2', (it) => it.run === 2 && it.phase === 'Ready', true);
        expect(checked.drift).toHaveLength(6);
        expect(checked.drift).toContainEqual({ component: 'tempo', state: 'drifted', detail: 'values' });
        expect(checked.drift).toContainEqual({
          component: 'hotrod',
          state: 'unknown',
          detail: 'it cannot be seen',
        });
        expect(checked.drift).toContainEqual({ component: 'operator', state: 'in-sync', detail: '' });
        expect(checked.lastVerifiedAt).toBeGreaterThan(first.lastVerifiedAt ?? Infinity);
        expect(scripted.count('start verification')).toBe(2);
        expect(scripted.count('start tempo')).toBe(1);
        await nextCheck(environment);
        await environment.until('run 3', (it) => it.run === 3 && it.phase === 'Ready', true);
        await update(environment, 'apply', { spec: spec() });
        expect((await ready(environment, 4)).drift).toBeUndefined();
        await tearDown(environment);
      },
      every,
    );
  });

  it('whose proof fails blocks the verification, and the next one is made when it is due', async () => {
    const scripted = new ScriptedActivities();
    await withEnvironment(
      harness,
      scripted,
      async (environment) => {
        await ready(environment);
        scripted.on('verification', () => fail('ready.crash-loop'));
        await nextCheck(environment);
        const blocked = await environment.until('Blocked', ({ phase }) => phase === 'Blocked', true);
        expect(stepOf(blocked, 'verification').state).toBe('blocked');
        expect(blocked.nextVerificationAt).toBe(blocked.updatedAt + 30 * minute);
        await nextCheck(environment);
        await environment.until('run 3', (it) => it.run === 3 && it.phase === 'Blocked', true);
        scripted.on('verification', () => undefined);
        await nextCheck(environment);
        await environment.until('run 4', (it) => it.run === 4 && it.phase === 'Ready', true);
        await tearDown(environment);
      },
      every,
    );
  });

  it('is joined by a verify, and waits while the environment is paused', async () => {
    let release: () => void = () => undefined;
    const scripted = new ScriptedActivities();
    await withEnvironment(
      harness,
      scripted,
      async (environment) => {
        await ready(environment);
        const held = new Promise<void>((resolve) => (release = resolve));
        scripted.on('verification', () => held);
        await nextCheck(environment);
        await environment.until('checking', () => scripted.count('start verification') === 2, true);
        expect(await update<RunTicket>(environment, 'verify')).toEqual({ run: 2 });
        release();
        await ready(environment, 2);
        await update(environment, 'pause');
        await harness.env.sleep('5h');
        expect(await environment.progress()).toMatchObject({ run: 2, phase: 'Ready', paused: true });
        await update(environment, 'resume');
        await environment.until('run 3', (it) => it.run === 3 && it.phase === 'Ready', true);
        await tearDown(environment);
      },
      every,
    );
  });
});
