import { environmentFolder, logFolder } from '../../tools/environment-folder.js';
import { createHash } from 'node:crypto';
import { join } from 'node:path';

/** k3d's limit for the name of a cluster, so that names of containers stay below 64 characters. */
const longestName = 32;

/** The name of the environment's cluster: its own, shortened with a hash where k3d would refuse it. */
export function k3dClusterName(environment: string): string {
  if (environment.length <= longestName) return environment;
  const hash = createHash('sha256').update(environment).digest('hex').slice(0, 8);
  return `${environment.slice(0, longestName - hash.length - 1).replace(/-+$/u, '')}-${hash}`;
}

/** Where an environment's cluster keeps what it has on this machine. All absolute. */
export interface K3dFolder {
  /** Everything below goes with the cluster. */
  readonly path: string;
  /** Beside the folder, because deleting the cluster removes the folder. */
  readonly lock: string;
  readonly kubeconfig: string;
  /** What the cluster should be, for k3d. */
  readonly config: string;
  /** Where nodes pull images from instead, for k3s. */
  readonly registries: string;
  /** For what k3d would leave in the user's home and temporary folders. */
  readonly scratch: string;
  /** Outlives the cluster: the logs of nodes that failed. */
  readonly logs: string;
}

export function k3dFolder(stateDir: string, environment: string): K3dFolder {
  const path = join(stateDir, 'clusters', environment);
  return {
    path,
    lock: join(stateDir, 'clusters', `${environment}.lock`),
    kubeconfig: join(path, 'kubeconfig'),
    config: join(path, 'k3d.yaml'),
    registries: join(path, 'registries.yaml'),
    scratch: join(path, 'scratch'),
    logs: logFolder(environmentFolder(stateDir, environment)),
  };
}
