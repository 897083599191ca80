import { describe, expect, it } from 'vitest';
import { ScriptedActivities, untilCancelled, fail, heldBack } from '../support/fake-activities.js';
import { hostTaskQueue } from '../../src/domain/names.js';
import { spec } from '../support/stack.js';
import {
  phasesOf,
  quiet,
  ready,
  refusalOf,
  stepOf,
  tearDown,
  update,
  useHarness,
  withEnvironment,
} from './harness.js';

const harness = useHarness();

describe('teardown', () => {
  it('of a Ready environment deletes its own cluster and ends the workflow', async () => {
    const scripted = new ScriptedActivities();
    await withEnvironment(harness, scripted, async (environment) => {
      await environment.until('Ready', ({ phase }) => phase === 'Ready');
      const removed = await tearDown(environment);
      expect(removed.phase).toBe('Removed');
      expect(scripted.log.filter((entry) => entry.startsWith('remove'))).toEqual([
        'remove start cluster',
        'remove end cluster',
      ]);
      expect(stepOf(removed, 'cluster')).toMatchObject({ state: 'removed', outcome: 'deleted' });
      expect(stepOf(removed, 'tempo').outcome).toBe('goes with its cluster');
    });
  });

  it('in mid-install waits until the running tools have ended before it removes anything', async () => {
    const scripted = new ScriptedActivities()
      .on('tempo', () => untilCancelled(500))
      .on('cert-manager', () => untilCancelled(200));
    await withEnvironment(harness, scripted, async (environment) => {
      await environment.until('only these two running', ({ steps }) => {
        const running = steps.filter(({ state }) => state === 'running').map(({ name }) => name);
        return running.join() === 'tempo,cert-manager';
      });
      const removed = await tearDown(environment);
      expect(removed.phase).toBe('Removed');
      const removal = scripted.log.indexOf('remove start cluster');
      expect(scripted.log.indexOf('cancel tempo')).toBeLessThan(removal);
      expect(scripted.log.indexOf('cancel cert-manager')).toBeLessThan(removal);
      expect(scripted.log).not.toContain('start operator');
      // Whoever follows it to its rest would take a phase in between for the end.
      expect(await phasesOf(environment.handle)).toEqual(['Provisioning', 'TearingDown', 'Removed']);
    });
  });

  it('works while the cluster is still being made', async () => {
    const scripted = new ScriptedActivities().on('cluster', () => untilCancelled(100));
    await withEnvironment(harness, scripted, async (environment) => {
      await environment.until('cluster running', () => scripted.count('start cluster') === 1);
      await tearDown(environment);
      expect(scripted.log).toEqual([
        'start cluster',
        'cancel cluster',
        'remove start cluster',
        'remove end cluster',
      ]);
    });
  });

  it('works while a step is blocked', async () => {
    const scripted = new ScriptedActivities().on('tempo', () => fail('release.foreign'));
    await withEnvironment(harness, scripted, async (environment) => {
      await environment.until('Blocked', (progress) => quiet(progress));
      expect((await tearDown(environment)).phase).toBe('Removed');
    });
  });

  it('is idempotent: further signals change nothing', async () => {
    const removal = heldBack();
    const scripted = new ScriptedActivities().on('remove cluster', removal.work);
    await withEnvironment(harness, scripted, async (environment) => {
      await environment.until('Ready', ({ phase }) => phase === 'Ready');
      await environment.handle.signal('teardown');
      await environment.handle.signal('teardown');
      await environment.until('removing', () => scripted.count('remove start cluster') === 1);
      await environment.handle.signal('teardown');
      removal.release();
      await environment.handle.result();
      expect(scripted.count('remove start cluster')).toBe(1);
    });
  });

  it('refuses new work with the reason', async () => {
    const removal = heldBack();
    const scripted = new ScriptedActivities().on('remove cluster', removal.work);
    await withEnvironment(harness, scripted, async (environment) => {
      await environment.until('Ready', ({ phase }) => phase === 'Ready');
      await environment.handle.signal('teardown');
      const error = await environment.handle.executeUpdate('verify').then(
        () => undefined,
        (it: unknown) => it as Error,
      );
      expect((error?.cause as Error).message).toMatch(/a teardown was asked for/);
      removal.release();
      await environment.handle.result();
    });
  });

  it('blocks when something cannot be removed, and goes on when told to', async () => {
    let stuck = true;
    const scripted = new ScriptedActivities().on('remove cluster', () => {
      if (stuck) fail('release.foreign', 'a stranger holds it');
    });
    await withEnvironment(harness, scripted, async (environment) => {
      await environment.until('Ready', ({ phase }) => phase === 'Ready');
      await environment.handle.signal('teardown');
      const blocked = await environment.until('Blocked', ({ phase }) => phase === 'Blocked');
      expect(stepOf(blocked, 'cluster').failure?.message).toBe('a stranger holds it');
      stuck = false;
      await environment.handle.executeUpdate('retry', { args: [{ step: 'cluster' }] } as never);
      expect((await environment.handle.result()).phase).toBe('Removed');
    });
  });

  it('follows from a cancellation of the workflow as well', async () => {
    const scripted = new ScriptedActivities().on('tempo', () => untilCancelled());
    await withEnvironment(harness, scripted, async (environment) => {
      await environment.until('only tempo running', ({ steps }) => {
        return (
          steps.filter(({ state }) => state === 'done').length === 6 && scripted.count('start tempo') === 1
        );
      });
      await environment.handle.cancel();
      expect((await environment.handle.result()).phase).toBe('Removed');
      expect(scripted.log.at(-1)).toBe('remove end cluster');
    });
  });
});

describe('a teardown that comes in other ways', () => {
  it('is the same for a Ready environment whose workflow is cancelled, and refuses new work', async () => {
    const removal = heldBack();
    const scripted = new ScriptedActivities().on('remove cluster', removal.work);
    await withEnvironment(harness, scripted, async (environment) => {
      await ready(environment);
      await environment.handle.cancel();
      await environment.until('removing', () => scripted.count('remove start cluster') === 1);
      expect(await refusalOf(update(environment, 'apply', { spec: spec() }))).toMatch(
        /a teardown was asked for/,
      );
      await environment.handle.signal('teardown');
      removal.release();
      expect((await environment.handle.result()).phase).toBe('Removed');
      expect(scripted.count('remove start cluster')).toBe(1);
    });
  });

  it('waits for a decision where something cannot be removed, also with failFast', async () => {
    let stuck = true;
    const scripted = new ScriptedActivities().on('remove cluster', () => {
      if (stuck) fail('release.foreign');
    });
    await withEnvironment(
      harness,
      scripted,
      async (environment) => {
        await ready(environment);
        await environment.handle.signal('teardown');
        await environment.until('Blocked', ({ phase }) => phase === 'Blocked');
        stuck = false;
        await update(environment, 'retry', { step: 'cluster' });
        expect((await environment.handle.result()).phase).toBe('Removed');
      },
      { failFast: true },
    );
  });
});

describe('an environment on a cluster that a kubeconfig file reaches', () => {
  it('claims no machine: its steps run on the queue that all workers serve', async () => {
    const scripted = new ScriptedActivities().onExistingCluster();
    await withEnvironment(
      harness,
      scripted,
      async (environment) => {
        expect((await ready(environment)).hostId).toBeUndefined();
        const removed = await tearDown(environment);
        expect(removed.steps.every(({ state }) => state === 'removed' || state === 'done')).toBe(true);
        expect(scripted.count('remove end tempo')).toBe(1);
        expect([...scripted.queues]).toEqual([environment.taskQueue]);
      },
      { target: { kind: 'kubeconfig', kubeconfigPath: '/none' } },
    );
  });

  it('unlike one on a local cluster whose machine the client has chosen', async () => {
    const scripted = new ScriptedActivities();
    await withEnvironment(
      harness,
      scripted,
      async (environment) => {
        await harness.env.sleep('61s');
        const progress = await environment.until('Blocked', ({ phase }) => phase === 'Blocked', true);
        expect(progress.hostId).toBe('elsewhere');
        expect(stepOf(progress, 'cluster').failure?.type).toBe('host.lost');
        expect(scripted.log).toEqual([]);
        await environment.handle.terminate();
      },
      {},
      { hostId: 'elsewhere' },
    );
  });

  it('unlike one on a local cluster, whose steps keep to its machine', async () => {
    const scripted = new ScriptedActivities();
    await withEnvironment(harness, scripted, async (environment) => {
      const { hostId = '' } = await ready(environment);
      await tearDown(environment);
      expect([...scripted.queues]).toEqual([hostTaskQueue(hostId)]);
    });
  });
});

describe('the progress query', () => {
  it('answers at any time, also after the end', async () => {
    const scripted = new ScriptedActivities().on(
      'tempo',
      () => new Promise((resolve) => setTimeout(resolve, 200)),
    );
    await withEnvironment(harness, scripted, async (environment) => {
      const phases = new Set<string>();
      phases.add((await environment.progress()).phase);
      await environment.until('Ready', ({ phase }) => phase === 'Ready');
      phases.add((await environment.progress()).phase);
      await tearDown(environment);
      phases.add((await environment.progress()).phase);
      expect([...phases]).toEqual(['Provisioning', 'Ready', 'Removed']);
    });
  });
});
