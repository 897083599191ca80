import { describe, expect, it } from 'vitest';
import type { EnvironmentSpec } from '../../src/domain/progress.js';
import type { Stack } from '../../src/domain/stack.js';
import type { RunTicket } from '../../src/workflows/messages.js';
import { fail, ScriptedActivities } from '../support/fake-activities.js';
import { spec } from '../support/stack.js';
import {
  ready,
  type RunningEnvironment,
  stepOf,
  tearDown,
  update,
  useHarness,
  withEnvironment,
} from './harness.js';

const harness = useHarness();

/** The stack of the tests without some components, and with some that are changed. */
function changed(drop: readonly string[], change: (stack: Stack) => void = () => undefined): EnvironmentSpec {
  const next = spec();
  for (const name of drop) Reflect.deleteProperty(next.stack.components, name);
  change(next.stack);
  return next;
}

const apply = (environment: RunningEnvironment, next: EnvironmentSpec): Promise<RunTicket> =>
  update<RunTicket>(environment, 'apply', { spec: next });

const removals = ({ log }: ScriptedActivities): string[] =>
  log.filter((entry) => entry.startsWith('remove end')).map((entry) => entry.slice('remove end '.length));

describe('an upgrade', () => {
  it('removes what the new stack does not have, users before what they need, and proves the rest', async () => {
    const scripted = new ScriptedActivities();
    await withEnvironment(harness, scripted, async (environment) => {
      await ready(environment);
      await apply(environment, changed(['cert-manager', 'operator', 'collector']));
      const progress = await ready(environment, 2);
      expect(removals(scripted)).toEqual(['collector', 'operator', 'cert-manager']);
      expect(stepOf(progress, 'operator')).toMatchObject({
        kind: 'release',
        removes: true,
        state: 'removed',
        outcome: 'uninstalled',
      });
      const second = scripted.log.slice(scripted.log.indexOf('end verification') + 1);
      expect(second.indexOf('remove start collector')).toBeGreaterThan(second.indexOf('end tempo'));
      expect(second.indexOf('start verification')).toBeGreaterThan(second.indexOf('remove end cert-manager'));
      await apply(environment, changed(['cert-manager', 'operator', 'collector']));
      const third = await ready(environment, 3);
      expect(third.steps.map(({ name }) => name)).not.toContain('operator');
      expect(removals(scripted)).toHaveLength(3);
      await tearDown(environment);
    });
  });

  it('removes a moved release before its new one is installed', async () => {
    const scripted = new ScriptedActivities();
    const moved = changed([], ({ components }) => {
      const { release } = components.tempo ?? {};
      if (release) release.namespace = 'elsewhere';
    });
    await withEnvironment(harness, scripted, async (environment) => {
      await ready(environment);
      await apply(environment, moved);
      const progress = await ready(environment, 2);
      expect(stepOf(progress, 'tempo:old').state).toBe('removed');
      expect(stepOf(progress, 'tempo').state).toBe('done');
      const second = scripted.log.slice(scripted.log.indexOf('end verification'));
      expect(second.indexOf('remove end tempo')).toBeLessThan(second.indexOf('start tempo'));
      await tearDown(environment);
    });
  });

  it('blocks on a removal that fails; when skipped, the next apply tries it again', async () => {
    let stuck = true;
    const scripted = new ScriptedActivities().on('remove hotrod', () => {
      if (stuck) fail('release.foreign', 'a stranger holds it');
    });
    await withEnvironment(harness, scripted, async (environment) => {
      await ready(environment);
      await apply(environment, changed(['hotrod']));
      const blocked = await environment.until('Blocked', ({ phase }) => phase === 'Blocked');
      expect(stepOf(blocked, 'hotrod')).toMatchObject({
        state: 'blocked',
        failure: { message: 'a stranger holds it' },
      });
      await update(environment, 'skip', { step: 'hotrod' });
      expect(stepOf(await ready(environment, 2), 'hotrod').state).toBe('skipped');
      expect(await environment.handle.query('leftovers')).toMatchObject([{ component: 'hotrod' }]);
      stuck = false;
      await apply(environment, changed(['hotrod']));
      expect(stepOf(await ready(environment, 3), 'hotrod').state).toBe('removed');
      await tearDown(environment);
    });
  });

  it('is refused when it would move to another target', async () => {
    await withEnvironment(harness, new ScriptedActivities(), async (environment) => {
      await ready(environment);
      const elsewhere = spec({ target: { kind: 'kubeconfig', kubeconfigPath: '/theirs' } });
      await expect(apply(environment, elsewhere)).rejects.toMatchObject({
        cause: {
          type: 'environment.conflict',
          message: expect.stringContaining(
            'the environment lives on the target embedded and cannot move',
          ) as string,
        },
      });
      expect((await environment.progress()).phase).toBe('Ready');
      await tearDown(environment);
    });
  });

  it('that never came to its removals leaves them to the teardown', async () => {
    const scripted = new ScriptedActivities().onExistingCluster().on('remove collector', (attempt) => {
      if (attempt === 1) fail('release.foreign');
    });
    await withEnvironment(harness, scripted, async (environment) => {
      await ready(environment);
      await apply(environment, changed(['collector']));
      await environment.until('Blocked', ({ phase }) => phase === 'Blocked');
      scripted.on('remove collector', () => undefined);
      const removed = await tearDown(environment);
      expect(stepOf(removed, 'collector').state).toBe('removed');
      const order = removals(scripted);
      expect(order.indexOf('collector')).toBeLessThan(order.indexOf('operator'));
      expect(order.at(-1)).toBe('cluster');
    });
  });

  it('interrupts a verification, also one that is blocked: what drifted has to be mended first', async () => {
    let broken = false;
    const scripted = new ScriptedActivities().on('verification', () => {
      if (broken) fail('ready.crash-loop');
    });
    await withEnvironment(harness, scripted, async (environment) => {
      await ready(environment);
      broken = true;
      await update(environment, 'verify');
      await environment.until('Blocked', ({ phase }) => phase === 'Blocked');
      broken = false;
      expect(await apply(environment, spec())).toEqual({ run: 3 });
      await ready(environment, 3);
      expect(scripted.count('start tempo')).toBe(2);
      await tearDown(environment);
    });
  });
});
