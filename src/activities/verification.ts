import type { ClusterRef } from '../domain/progress.js';
import type { VerificationOutcome, VerificationTask } from '../domain/step-tasks.js';
import { proveStack } from '../proof/verify.js';
import type { Kubernetes } from '../tools/kubernetes/connection.js';
import type { OpenTarget } from './cluster.js';
import { asActivity } from './step-context.js';
import { wakeCluster } from './wake-cluster.js';

/** Connections to clusters; each caller closes its own. */
export type ConnectKubernetes = (cluster: ClusterRef) => Kubernetes;

export interface VerificationActivities {
  proveStack(task: VerificationTask): Promise<VerificationOutcome>;
}

export function verificationActivities(
  connect: ConnectKubernetes,
  openTarget: OpenTarget,
): VerificationActivities {
  return {
    proveStack: asActivity(async (task, { report, signal }) => {
      await wakeCluster(openTarget, task, { report, signal });
      const kube = connect(task.cluster);
      try {
        const proof = await proveStack({
          kube,
          cluster: kube,
          spec: task.proof,
          ...(task.manifests && { manifests: Object.values(task.manifests) }),
          ...(task.releases && { releases: task.releases }),
          stackName: task.stack,
          onProgress: report,
          signal,
        });
        const services = Object.keys(proof.services).length;
        return { proof, outcome: `proved: ${String(proof.spans)} spans of ${String(services)} services` };
      } finally {
        kube.close();
      }
    }),
  };
}
