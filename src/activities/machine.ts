import { Context } from '@temporalio/activity';
import { WithStartWorkflowOperation } from '@temporalio/client';
import type { Config } from '../config.js';
import type { MachineQuestion, MachineReport } from '../domain/machine.js';
import { slotKeeperId } from '../domain/names.js';
import type { SlotAnswer, SlotRequest, SlotTask } from '../domain/slots.js';
import type { HostClaim } from '../domain/step-tasks.js';
import { slotsOfMachine } from '../targets/limits.js';
import { describeMachine } from '../targets/machine.js';
import { redact } from '../tools/redact.js';
import { asActivity } from './step-context.js';

/** Questions to the machine of a worker; nothing is changed there. */
export interface MachineActivities {
  /** Answers which machine the worker runs on; the environment then keeps to it. */
  readonly claimHost: () => Promise<HostClaim>;
  /** Asks who keeps the slots of the machine for one, and says how many there are. */
  readonly askForSlot: (task: SlotTask) => Promise<SlotAnswer>;
  /** Tells what the machine can do. */
  readonly describeMachine: (question: MachineQuestion) => Promise<MachineReport>;
}

/** @param configFor the configuration for an environment, with the variables of the shell that asked last */
export function machineActivities(
  config: Config,
  hostId: string,
  configFor: (environment: string) => Promise<Config>,
): MachineActivities {
  return {
    claimHost: () => Promise.resolve({ hostId }),
    askForSlot: (task) => requestSlot(task, config.slots ?? slotsOfMachine()),
    describeMachine: asActivity(async (question, { signal, report }) => {
      report('looking at the machine');
      const folders = question.install ? await configFor(question.install.environment) : config;
      return redacted(
        await describeMachine({ ...folders, onProgress: report }, { ...question, hostId }, signal),
      );
    }),
  };
}

/**
 * Asks the workflow that keeps the slots of a machine for one, and starts it where it does not run. Asked again, as an
 * activity may, it answers as before.
 * @param slots how many the machine has
 * @throws what the client of Temporal throws; whoever waits for the slot decides what becomes of that
 */
export async function requestSlot({ hostId, user, taskQueue }: SlotTask, slots: number): Promise<SlotAnswer> {
  const keeper = new WithStartWorkflowOperation('slotKeeper', {
    workflowId: slotKeeperId(hostId),
    taskQueue,
    args: [{ hostId }],
    staticSummary: `Slots of the machine ${hostId}`,
    workflowIdConflictPolicy: 'USE_EXISTING',
  });
  return Context.current().client.workflow.executeUpdateWithStart<
    (input: { hostId: string }) => Promise<void>,
    SlotAnswer,
    [SlotRequest]
  >('askSlot', { args: [{ user, slots }], startWorkflowOperation: keeper });
}

/** It goes into the history of the question. */
function redacted(report: MachineReport): MachineReport {
  return JSON.parse(JSON.stringify(report), (_key, value: unknown) =>
    typeof value === 'string' ? redact(value) : value,
  ) as MachineReport;
}
