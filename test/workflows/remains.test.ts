import { Worker } from '@temporalio/worker';
import { describe, expect, it } from 'vitest';
import {
  environmentHandle,
  findSpec,
  listLost,
  queryRemains,
  standingOf,
  tearDownRemains,
  type Remains,
} from '../../src/cli/environments.js';
import { look } from '../../src/cli/follow.js';
import { environmentWorkflowId, hostTaskQueue, sharedTaskQueue } from '../../src/domain/names.js';
import type { Component } from '../../src/domain/stack.js';
import type { environment } from '../../src/workflows/environment.js';
import { ScriptedActivities } from '../support/fake-activities.js';
import { spec } from '../support/stack.js';
import { workflowBundle } from '../support/workflow-bundle.js';
import { startRealHarness, useHarness } from './harness.js';

const harness = useHarness(startRealHarness);

/** Workers as this machine has them, for the time of `test`. */
async function served(scripted: ScriptedActivities, test: () => Promise<void>): Promise<void> {
  const common = { connection: harness.env.nativeConnection, activities: scripted.activities };
  const workflows = await workflowBundle();
  const shared = await Worker.create({ ...common, taskQueue: sharedTaskQueue, workflowBundle: workflows });
  const local = await Worker.create({ ...common, taskQueue: hostTaskQueue('here') });
  await shared.runUntil(() => local.runUntil(test));
}

const part = (component: string, ...needs: string[]): Remains['leftovers'][number] => {
  const release = { namespace: component, chart: { embedded: component }, values: {} };
  const definition: Component = { needs, ready: [], timeout: '5m', release };
  return { step: component, component, definition };
};

describe('what remains of an environment whose workflow is gone', () => {
  it('is taken away by a workflow that is started for it, in the order of its needs', async () => {
    const scripted = new ScriptedActivities();
    await served(scripted, async () => {
      const target = { kind: 'kubeconfig', kubeconfigPath: '/lab', context: 'lab' } as const;
      await tearDownRemains(harness.client, 'lost', {
        spec: { ...spec({ target }), stack: { ...spec().stack, components: {} } },
        leftovers: [part('cert-manager'), part('operator', 'cert-manager')],
        cluster: { ...target, serverUrl: 'https://lab', version: 'v1', owned: false },
      });
      const removed = await environmentHandle(harness.client, 'lost').result();
      expect(removed.phase).toBe('Removed');
      expect(scripted.log).toEqual(
        ['operator', 'cert-manager', 'cluster'].flatMap((it) => [`remove start ${it}`, `remove end ${it}`]),
      );
      expect(await standingOf(harness.client, 'lost')).toMatchObject({ state: 'removed' });
    });
  });

  it('is known by the history of a terminated one, until that is taken away', async () => {
    const scripted = new ScriptedActivities();
    const { client } = harness;
    await served(scripted, async () => {
      const handle = await client.workflow.start<typeof environment>('environment', {
        workflowId: environmentWorkflowId('ended'),
        taskQueue: sharedTaskQueue,
        args: [{ name: 'ended', spec: spec(), hostId: 'here' }],
      });
      const waiting = { timeout: 60_000 };
      const phase = async (): Promise<string> => (await look(client, 'ended')).progress.phase;
      await expect.poll(phase, waiting).toBe('Ready');
      await handle.terminate();
      await expect(look(client, 'ended')).rejects.toMatchObject({ type: 'environment.orphaned' });
      expect(await findSpec(client, 'ended')).toEqual(spec());
      await expect
        .poll(async () => (await listLost(client)).map(({ name, state }) => [name, state]), waiting)
        .toEqual([['ended', 'lost']]);
      const remains = await queryRemains(client, 'ended');
      expect(remains).toMatchObject({
        spec: spec(),
        leftovers: [],
        hostId: 'here',
        cluster: { owned: true },
      });
      await tearDownRemains(client, 'ended', remains as Remains);
      await environmentHandle(client, 'ended').result();
      expect(scripted.log.slice(-2)).toEqual(['remove start cluster', 'remove end cluster']);
      expect(await listLost(client)).toEqual([]);
      expect(await findSpec(client, 'ended')).toBeUndefined();
    });
  });
});
