import type { WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { describe, expect, it } from 'vitest';
import { environmentWorkflowId, hostTaskQueue } from '../../src/domain/names.js';
import type { EnvironmentSpec, Progress } from '../../src/domain/progress.js';
import type { environment, EnvironmentInput } from '../../src/workflows/environment.js';
import { ScriptedActivities } from '../support/fake-activities.js';
import { spec } from '../support/stack.js';
import { workflowBundle } from '../support/workflow-bundle.js';
import { startRealHarness, stepOf, useHarness, type Harness } from './harness.js';

const skipping = useHarness();
const real = useHarness(startRealHarness);

/** A machine with the two Workers that each worker process has. */
interface Machine {
  readonly scripted: ScriptedActivities;
  /** Its Workers take no more tasks. */
  switchOff(): Promise<void>;
}

let counter = 0;

const uniqueName = (): string => `hosts-${String((counter += 1))}`;

async function switchOn(
  { env }: Harness,
  shared: string,
  hostId: string,
  scripted = new ScriptedActivities(),
): Promise<Machine> {
  const activities = { ...scripted.activities, claimHost: () => Promise.resolve({ hostId }) };
  // A process may have one Worker for a queue on each connection.
  const connection = await NativeConnection.connect({ address: env.address });
  const common = { connection, activities };
  const workers = [
    await Worker.create({ ...common, taskQueue: shared, workflowBundle: await workflowBundle() }),
    await Worker.create({ ...common, taskQueue: hostTaskQueue(hostId) }),
  ];
  const running = workers.map((worker) => worker.run());
  return {
    scripted,
    switchOff: async () => {
      for (const worker of workers) worker.shutdown();
      await Promise.all(running);
      await connection.close();
    },
  };
}

function begin(
  { client }: Harness,
  name: string,
  change: Partial<EnvironmentSpec> = {},
  input: Pick<EnvironmentInput, 'hostId'> = {},
): Promise<WorkflowHandle<typeof environment>> {
  return client.workflow.start<typeof environment>('environment', {
    workflowId: environmentWorkflowId(name),
    taskQueue: name,
    args: [{ name, spec: spec(change), ...input }],
  });
}

async function until(
  handle: WorkflowHandle<typeof environment>,
  wanted: (progress: Progress) => boolean,
): Promise<Progress> {
  let seen: Progress | undefined;
  for (const deadline = Date.now() + 30_000; Date.now() < deadline;) {
    seen = await handle.query<Progress>('progress');
    if (wanted(seen)) return seen;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`It never came. Last: ${JSON.stringify(seen)}`);
}

const isReady = ({ phase }: Progress): boolean => phase === 'Ready';

/** Not `result()`: see the harness. */
async function tornDown(handle: WorkflowHandle<typeof environment>): Promise<void> {
  await handle.signal('teardown');
  await until(handle, ({ phase }) => phase === 'Removed');
}

describe('two machines behind one Temporal server', () => {
  it.each([
    ['that the command named', 'named'],
    ['that claimed it', 'claimed'],
  ])('do the steps of a local cluster on the one %s, and on no other', async (_, how) => {
    const name = uniqueName();
    const hosts = [`${name}-a`, `${name}-b`] as const;
    const machines = [await switchOn(real, name, hosts[0]), await switchOn(real, name, hosts[1])] as const;
    const handle = await begin(real, name, {}, how === 'named' ? { hostId: hosts[1] } : {});
    const { hostId } = await until(handle, isReady);
    await tornDown(handle);
    const holder = hosts.findIndex((host) => host === hostId);
    const [holding, other] = holder === 0 ? machines : [machines[1], machines[0]];
    if (how === 'named') expect(hostId).toBe(hosts[1]);
    expect(hosts).toContain(hostId);
    expect([...holding.scripted.queues]).toEqual([hostTaskQueue(hostId ?? '')]);
    expect(holding.scripted.log).toEqual(expect.arrayContaining(['end verification', 'remove end cluster']));
    expect(other.scripted.log).toEqual([]);
    for (const machine of machines) await machine.switchOff();
  });

  it('both serve an environment on an existing cluster: one goes on where the other was switched off', async () => {
    const name = uniqueName();
    const script = (): ScriptedActivities => new ScriptedActivities().onExistingCluster();
    const first = await switchOn(real, name, `${name}-a`, script());
    const target = { kind: 'kubeconfig', kubeconfigPath: '/none' } as const;
    const handle = await begin(real, name, { target });
    await until(handle, isReady);
    const second = await switchOn(real, name, `${name}-b`, script());
    await first.switchOff();
    await tornDown(handle);
    expect(first.scripted.count('end tempo')).toBe(1);
    expect(second.scripted.count('remove end tempo')).toBe(1);
    expect([...first.scripted.queues, ...second.scripted.queues]).toEqual([name, name]);
    await second.switchOff();
  });
});

describe('a machine that is switched off', () => {
  it('blocks its local cluster as host.lost, is not replaced by another, and goes on when it is back', async () => {
    const name = uniqueName();
    const holder = `${name}-a`;
    const other = await switchOn(skipping, name, `${name}-b`);
    const handle = await begin(skipping, name, {}, { hostId: holder });
    await skipping.env.sleep('61s');
    const blocked = await until(handle, ({ phase }) => phase === 'Blocked');
    expect(stepOf(blocked, 'cluster').failure).toMatchObject({
      type: 'host.lost',
      remedy: expect.stringContaining('on that machine') as string,
    });

    const back = await switchOn(skipping, name, holder);
    await handle.executeUpdate('retry', { args: [{ step: 'cluster' }] } as never);
    expect((await until(handle, isReady)).hostId).toBe(holder);
    expect(back.scripted.log).toContain('end verification');
    expect(other.scripted.log).toEqual([]);
    await handle.terminate();
    for (const machine of [other, back]) await machine.switchOff();
  });
});
