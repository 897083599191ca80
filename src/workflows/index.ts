import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { MachineQuestion, MachineReport } from '../domain/machine.js';
import { hostTaskQueue } from '../domain/names.js';

/** All workflows, by the names that stand in histories: what is exported here goes into the bundle. */
export { environment } from './environment.js';
export { fleet } from './fleet.js';
export { slotKeeper } from './slot-keeper.js';

/**
 * Asks the worker of a machine what that can do, before anything is started there. Its starter bounds it by a run timeout.
 * A step is not asked again: whoever waits for the answer asks a machine that takes no task, or one of an older version, once.
 */
export async function askMachine(question: MachineQuestion): Promise<MachineReport> {
  const { describeMachine } = proxyActivities<Activities>({
    taskQueue: hostTaskQueue(question.hostId),
    scheduleToStartTimeout: '10s',
    startToCloseTimeout: '80s',
    heartbeatTimeout: '12s',
    retry: { maximumAttempts: 1 },
    summary: 'what the machine can do',
  });
  return describeMachine(question);
}
