import type { Config } from '../config.js';
import type { ClusterTask } from '../domain/step-tasks.js';
import { connectKubernetes } from '../tools/kubernetes/connection.js';
import { openTarget } from '../targets/open-target.js';
import type { Target } from '../targets/target.js';
import { environmentFolder, shellOf } from '../tools/environment-folder.js';
import { clusterActivities, type ClusterActivities } from './cluster.js';
import { componentActivities, type ComponentActivities } from './component.js';
import { machineActivities, type MachineActivities } from './machine.js';
import { observationActivities, type ObservationActivities } from './observation.js';
import { verificationActivities, type VerificationActivities } from './verification.js';

/** All but the questions to the machine: each works for one environment. */
type Steps = ClusterActivities & ComponentActivities & ObservationActivities & VerificationActivities;

/** All activities, by the names that stand in histories. */
export interface Activities extends Steps, MachineActivities {}

/**
 * The activities of the worker with this configuration on the machine `hostId`.
 * @param server that the worker serves, see `serverName`
 */
export function createActivities(config: Config, hostId: string, server = 'embedded'): Activities {
  const names = Object.keys(stepsOf(config, hostId, server)) as (keyof Steps)[];
  const configFor = async (environment: string): Promise<Config> => {
    const folder = environmentFolder(config.stateDir, environment);
    return { ...config, environment: await shellOf(folder, config.environment) };
  };
  const steps = names.map((name) => [
    name,
    async (task: ClusterTask) =>
      stepsOf(await configFor(task.environment), hostId, server)[name](task as never),
  ]);
  return { ...machineActivities(config, hostId, configFor), ...(Object.fromEntries(steps) as Steps) };
}

function stepsOf(config: Config, hostId: string, server: string): Steps {
  const open = (task: ClusterTask): Target => openTarget(config, task.environment, task.target);
  return {
    ...clusterActivities(config, open, server),
    ...componentActivities(config, open, hostId),
    ...observationActivities(config),
    ...verificationActivities(config, (cluster) => connectKubernetes({ ...cluster, kubectl: config }), open),
  };
}
