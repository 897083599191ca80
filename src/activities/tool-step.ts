import { activityInfo, log } from '@temporalio/activity';
import type { Config } from '../config.js';
import { clusterStep } from '../domain/plan.js';
import { environmentFolder, processFolder } from '../tools/environment-folder.js';
import type { ProcessIdentity } from '../tools/process-identity.js';
import type { ProcessOwner } from '../tools/process.js';
import { endOtherTools, withTools, type ClaimOptions } from '../tools/tool-claim.js';
import { asActivity, type StepContext } from './step-context.js';

/** Whose programs a step starts; without a component those of the cluster itself. */
interface ToolTask {
  readonly environment: string;
  readonly component?: string;
}

export interface ToolStepContext extends StepContext {
  /** For every program of the step. */
  readonly owner: ProcessOwner;
}

/**
 * Makes an activity of work that starts programs for a component. It alone may do so while it runs, whichever attempt
 * or activity it is: install, upgrade, removal, a look for drift.
 */
export function withToolsOf<I extends ToolTask, O>(
  config: Pick<Config, 'stateDir'>,
  work: (task: I, step: ToolStepContext) => Promise<O>,
): (task: I) => Promise<O> {
  return asActivity((task, step) =>
    withTools(
      {
        ...claimOf(config, task, step),
        survivors: step.survivors,
        token: activityInfo().base64TaskToken,
        onChange: step.noteProcesses,
        onCall: step.note,
      },
      (owner) => work(task, { ...step, owner }),
    ),
  );
}

/** Where the records of an environment's tools are. */
export function toolFolder(stateDir: string, environment: string): string {
  return processFolder(environmentFolder(stateDir, environment));
}

/** Before a cluster goes: a helm of a killed worker would go on talking to an API server that is no more. */
export async function endOtherToolsOf(
  config: Pick<Config, 'stateDir'>,
  task: ToolTask,
  step: StepContext,
): Promise<void> {
  await endOtherTools(claimOf(config, task, step));
}

function claimOf(
  { stateDir }: Pick<Config, 'stateDir'>,
  { environment, component = clusterStep }: ToolTask,
  { report, signal }: StepContext,
): Omit<ClaimOptions, 'survivors' | 'token'> {
  return {
    folder: toolFolder(stateDir, environment),
    component,
    signal,
    onProgress: report,
    onSurvivor: (survivor: ProcessIdentity) => {
      log.warn('ended a program that a dead attempt had left running', { ...survivor });
    },
  };
}
