import type { ToolSource } from '../tools/find-program.js';
import { connectKubernetes } from '../tools/kubernetes/connection.js';
import type { KubeconfigContext } from '../tools/kubernetes/kubeconfig.js';
import { findEmbeddedClusters } from './embedded/residue.js';
import { findK3dClusters } from './k3d/target.js';
import { findInCluster } from './kubeconfig/find.js';
import type { TargetFolders } from './open-target.js';
import type { FoundCluster } from './target.js';

/**
 * Everything of Tracewright's that exists on this machine, of whatever state folder, and in one existing cluster where
 * one is named. Asks no Temporal server, and changes nothing.
 * @throws TracewrightError `cluster.*` about the cluster that is named
 */
export async function findClusters(
  { stateDir, environment: variables, ...source }: TargetFolders,
  named?: KubeconfigContext,
  signal?: AbortSignal,
): Promise<FoundCluster[]> {
  const [embedded, k3d, inNamed] = await Promise.all([
    findEmbeddedClusters(stateDir),
    findK3dClusters(stateDir, { variables, signal }),
    named ? inCluster(named, { ...source, environment: variables }, signal) : [],
  ]);
  const local = [...embedded, ...k3d];
  // Whoever names a cluster of our own sees what its environment has in it, which goes with it.
  return [
    ...local,
    ...inNamed.filter((it) => !local.some(({ environment }) => environment === it.environment)),
  ];
}

async function inCluster(
  named: KubeconfigContext,
  kubectl: ToolSource,
  signal: AbortSignal | undefined,
): Promise<FoundCluster[]> {
  const kube = connectKubernetes({ ...named, kubectl });
  try {
    return await findInCluster(kube, signal);
  } finally {
    kube.close();
  }
}
