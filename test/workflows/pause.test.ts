import { describe, expect, it } from 'vitest';
import type { RunTicket } from '../../src/workflows/messages.js';
import { fail, ScriptedActivities, heldBack } from '../support/fake-activities.js';
import { quiet, ready, refusalOf, stepOf, tearDown, update, useHarness, withEnvironment } from './harness.js';

const harness = useHarness();

describe('a paused environment', () => {
  it('lets running steps end and starts none until it is resumed', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const scripted = new ScriptedActivities().on('cert-manager', () => held);
    await withEnvironment(harness, scripted, async (environment) => {
      await environment.until('cert-manager', () => scripted.count('start cert-manager') === 1);
      expect(await update<RunTicket>(environment, 'pause')).toEqual({ run: 1 });
      release();
      const paused = await environment.until('done', (it) => stepOf(it, 'cert-manager').state === 'done');
      expect(paused.paused).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(stepOf(await environment.progress(), 'operator').state).toBe('pending');
      await update(environment, 'resume');
      expect((await ready(environment)).paused).toBeUndefined();
      await tearDown(environment);
    });
  });

  it('takes a decision, and acts on it once resumed', async () => {
    let broken = true;
    const scripted = new ScriptedActivities().on('operator', () => {
      if (broken) fail('ready.crash-loop');
    });
    await withEnvironment(harness, scripted, async (environment) => {
      await environment.until('Blocked', (it) => quiet(it));
      broken = false;
      await update(environment, 'pause');
      await update(environment, 'retry', { step: 'operator' });
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(scripted.count('start operator')).toBe(1);
      await update(environment, 'resume');
      await ready(environment);
      await tearDown(environment);
    });
  });

  it('can be torn down, which ends the pause', async () => {
    const scripted = new ScriptedActivities();
    await withEnvironment(harness, scripted, async (environment) => {
      await ready(environment);
      await update(environment, 'pause');
      const removed = await tearDown(environment);
      expect(removed).toMatchObject({ phase: 'Removed' });
      expect(removed.paused).toBeUndefined();
    });
  });

  it('refuses a second pause, a resume of what runs, and both during a teardown', async () => {
    const removal = heldBack();
    const scripted = new ScriptedActivities().on('remove cluster', removal.work);
    await withEnvironment(harness, scripted, async (environment) => {
      await ready(environment);
      expect(await refusalOf(update(environment, 'resume'))).toMatch(/the environment is not paused/);
      await update(environment, 'pause');
      expect(await refusalOf(update(environment, 'pause'))).toMatch(/the environment is paused already/);
      await environment.handle.signal('teardown');
      expect(await refusalOf(update(environment, 'pause'))).toMatch(/a teardown was asked for/);
      expect(await refusalOf(update(environment, 'resume'))).toMatch(/a teardown was asked for/);
      removal.release();
      await environment.handle.result();
    });
  });
});
