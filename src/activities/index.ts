import type { Config } from '../config.js';
import type { ClusterTask, HostClaim } from '../domain/step-tasks.js';
import { connectKubernetes } from '../tools/kubernetes/connection.js';
import { openTarget } from '../targets/open-target.js';
import type { Target } from '../targets/target.js';
import { clusterActivities, type ClusterActivities } from './cluster.js';
import { componentActivities, type ComponentActivities } from './component.js';
import { observationActivities, type ObservationActivities } from './observation.js';
import { verificationActivities, type VerificationActivities } from './verification.js';

/** All activities, by the names that stand in histories. */
export interface Activities
  extends ClusterActivities, ComponentActivities, ObservationActivities, VerificationActivities {
  /** Answers which machine the worker runs on; the environment then keeps to it. */
  readonly claimHost: () => Promise<HostClaim>;
}

/** The activities of the worker with this configuration on the machine `hostId`. */
export function createActivities(config: Config, hostId: string): Activities {
  const open = (task: ClusterTask): Target => openTarget(config, task.environment, task.target);
  return {
    claimHost: () => Promise.resolve({ hostId }),
    ...clusterActivities(config, open),
    ...componentActivities(config, open),
    ...observationActivities(config),
    ...verificationActivities(connectKubernetes, open),
  };
}
