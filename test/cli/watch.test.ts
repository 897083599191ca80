import { Worker } from '@temporalio/worker';
import { describe, expect, it } from 'vitest';
import { pauseMs, watch, type WatchOptions } from '../../src/cli/follow.js';
import type { LastingSession } from '../../src/cli/session.js';
import { environmentWorkflowId, sharedTaskQueue } from '../../src/domain/names.js';
import { heldBack, ScriptedActivities } from '../support/fake-activities.js';
import { spec } from '../support/stack.js';
import { workflowBundle } from '../support/workflow-bundle.js';
import { startRealHarness, useHarness } from '../workflows/harness.js';

const harness = useHarness(startRealHarness);
const target = { kind: 'kubeconfig', kubeconfigPath: '/none' } as const;

/** A worker of another machine. @returns what ends it */
async function startWorker({ activities }: ScriptedActivities): Promise<() => Promise<void>> {
  const worker = await Worker.create({
    connection: harness.env.nativeConnection,
    taskQueue: sharedTaskQueue,
    workflowBundle: await workflowBundle(),
    activities,
  });
  const running = worker.run();
  return async () => {
    worker.shutdown();
    await running;
  };
}

/** Watches an install whose only worker ends in the middle. */
async function watchThroughAbsence(
  name: string,
  options: WatchOptions,
  meanwhile: () => Promise<void>,
): Promise<{ readonly notes: readonly string[]; readonly ended: ReturnType<typeof watch> }> {
  const { client } = harness;
  const held = heldBack();
  const stop = await startWorker(new ScriptedActivities().onExistingCluster().on('cluster', held.work));
  await client.workflow.start('environment', {
    workflowId: environmentWorkflowId(name),
    taskQueue: sharedTaskQueue,
    args: [{ name, spec: spec({ target }) }],
  });
  const session = { client, hasWorker: false, isAlive: () => Promise.resolve(true) } as LastingSession;
  const notes: string[] = [];
  const seen = heldBack();
  const view = { show: seen.release, end: () => undefined };
  const context = { signal: new AbortController().signal, note: (line: string) => notes.push(line) };
  const ended = watch(context, session, name, view, options);
  ended.catch(() => undefined);
  await seen.work();
  held.release();
  await stop();
  await expect.poll(() => notes, { timeout: 60_000 }).toHaveLength(1);
  await meanwhile();
  return { notes, ended };
}

describe('a command that follows the work of others', () => {
  it('waits while their worker is away, says so once, and follows the next one', async () => {
    let stop = (): Promise<void> => Promise.resolve();
    const { notes, ended } = await watchThroughAbsence('replaced', {}, async () => {
      stop = await startWorker(new ScriptedActivities().onExistingCluster());
    });
    expect((await ended).progress?.phase).toBe('Ready');
    expect(notes).toHaveLength(1);
    await stop();
  });

  it('gives up when none comes', async () => {
    const { ended } = await watchThroughAbsence('lost', { patienceMs: 0 }, () => Promise.resolve());
    await expect(ended).rejects.toMatchObject({ type: 'temporal.worker-missing' });
  });
});

describe('pauseMs', () => {
  it('is short while steps get on, and longer when one takes minutes', () => {
    const pauses = [0, 15_000, 30_000, 60_000, 600_000].map((ms) => pauseMs(ms, 4));
    expect(pauses).toEqual([500, 500, 1_000, 2_000, 2_000]);
  });

  it('is shorter when only the last step is left, with which the command ends', () => {
    expect([0, 3_000, 15_000, 600_000].map((ms) => pauseMs(ms, 1))).toEqual([100, 100, 500, 2_000]);
  });
});
