import type { WorkflowHandle } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { requestSlot } from '../../src/activities/machine.js';
import { environmentWorkflowId, hostTaskQueue, slotKeeperId } from '../../src/domain/names.js';
import type { EnvironmentSpec, Progress } from '../../src/domain/progress.js';
import type { SlotQueue } from '../../src/domain/slots.js';
import type { environment } from '../../src/workflows/environment.js';
import { ScriptedActivities } from '../support/fake-activities.js';
import { spec } from '../support/stack.js';
import { workflowBundle } from '../support/workflow-bundle.js';
import type { Harness } from './harness.js';

export type Handle = WorkflowHandle<typeof environment>;

export interface Machine {
  readonly hostId: string;
  readonly scripted: ScriptedActivities;
  readonly begin: (name: string, change?: Partial<EnvironmentSpec>) => Promise<Handle>;
  readonly queue: () => Promise<SlotQueue>;
  readonly until: (
    handle: Handle,
    wanted: (progress: Progress) => boolean,
    withinMs?: number,
  ) => Promise<Progress>;
}

let counter = 0;

/** A machine with so many slots, kept by the real keeper, or of a worker that knows none; what its steps do is scripted. */
export async function withMachine(
  { env, client }: Harness,
  slots: number | undefined,
  test: (machine: Machine) => Promise<void>,
): Promise<void> {
  const hostId = `slots-${String((counter += 1))}`;
  const scripted = new ScriptedActivities();
  const common = { connection: env.nativeConnection, maxHeartbeatThrottleInterval: '100ms' } as const;
  const activities: ScriptedActivities['activities'] = {
    ...scripted.activities,
    claimHost: () => Promise.resolve({ hostId }),
    ...(slots !== undefined && { askForSlot: (task) => requestSlot(task, slots) }),
  };
  if (slots === undefined) Reflect.deleteProperty(activities, 'askForSlot');
  const shared = await Worker.create({
    ...common,
    taskQueue: hostId,
    workflowBundle: await workflowBundle(),
    activities,
  });
  const local = await Worker.create({ ...common, taskQueue: hostTaskQueue(hostId), activities });
  const machine: Machine = {
    hostId,
    scripted,
    begin: (name, change = {}) =>
      client.workflow.start<typeof environment>('environment', {
        workflowId: environmentWorkflowId(`${hostId}-${name}`),
        taskQueue: hostId,
        args: [{ name: `${hostId}-${name}`, spec: spec(change), hostId }],
      }),
    queue: () => client.workflow.getHandle(slotKeeperId(hostId)).query<SlotQueue>('slots'),
    until: async (handle, wanted, withinMs = 20_000) => {
      let seen: Progress | undefined;
      for (const deadline = Date.now() + withinMs; Date.now() < deadline;) {
        seen = await handle.query<Progress>('progress');
        if (wanted(seen)) return seen;
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      throw new Error(`It never came. Last: ${JSON.stringify(seen)}`);
    },
  };
  await shared.runUntil(() => local.runUntil(() => test(machine)));
}

export const isPhase =
  (phase: string) =>
  (progress: Progress): boolean =>
    progress.phase === phase;
