import type { Config } from '../config.js';
import type { MachineQuestion, MachineReport } from '../domain/machine.js';
import type { ClusterTask, HostClaim } from '../domain/step-tasks.js';
import { redact } from '../tools/redact.js';
import { connectKubernetes } from '../tools/kubernetes/connection.js';
import { describeMachine } from '../targets/machine.js';
import { openTarget } from '../targets/open-target.js';
import type { Target } from '../targets/target.js';
import { environmentFolder, shellOf } from '../tools/environment-folder.js';
import { clusterActivities, type ClusterActivities } from './cluster.js';
import { componentActivities, type ComponentActivities } from './component.js';
import { observationActivities, type ObservationActivities } from './observation.js';
import { asActivity } from './step-context.js';
import { verificationActivities, type VerificationActivities } from './verification.js';

/** All but the question for the machine: each works for one environment. */
type Steps = ClusterActivities & ComponentActivities & ObservationActivities & VerificationActivities;

/** All activities, by the names that stand in histories. */
export interface Activities extends Steps {
  /** Answers which machine the worker runs on; the environment then keeps to it. */
  readonly claimHost: () => Promise<HostClaim>;
  /** Tells what the machine of the worker can do; changes nothing there. */
  readonly describeMachine: (question: MachineQuestion) => Promise<MachineReport>;
}

/**
 * The activities of the worker with this configuration on the machine `hostId`.
 * @param server that the worker serves, see `serverName`
 */
export function createActivities(config: Config, hostId: string, server = 'embedded'): Activities {
  const names = Object.keys(stepsOf(config, server)) as (keyof Steps)[];
  const configFor = async (environment: string): Promise<Config> => {
    const folder = environmentFolder(config.stateDir, environment);
    return { ...config, environment: await shellOf(folder, config.environment) };
  };
  const steps = names.map((name) => [
    name,
    async (task: ClusterTask) => stepsOf(await configFor(task.environment), server)[name](task as never),
  ]);
  return {
    claimHost: () => Promise.resolve({ hostId }),
    describeMachine: asActivity(async (question, { signal, report }) => {
      report('looking at the machine');
      const folders = question.install ? await configFor(question.install.environment) : config;
      return redacted(
        await describeMachine({ ...folders, onProgress: report }, { ...question, hostId }, signal),
      );
    }),
    ...(Object.fromEntries(steps) as Steps),
  };
}

function stepsOf(config: Config, server: string): Steps {
  const open = (task: ClusterTask): Target => openTarget(config, task.environment, task.target);
  return {
    ...clusterActivities(config, open, server),
    ...componentActivities(config, open),
    ...observationActivities(config),
    ...verificationActivities(config, (cluster) => connectKubernetes({ ...cluster, kubectl: config }), open),
  };
}

/** It goes into the history of the question. */
function redacted(report: MachineReport): MachineReport {
  return JSON.parse(JSON.stringify(report), (_key, value: unknown) =>
    typeof value === 'string' ? redact(value) : value,
  ) as MachineReport;
}
