import type { Config } from '../config.js';
import { TracewrightError } from '../domain/failure.js';
import type { ClusterRef } from '../domain/progress.js';
import type { VerificationOutcome, VerificationTask } from '../domain/step-tasks.js';
import { proofMs } from '../domain/time-limits.js';
import { proveStack } from '../proof/verify.js';
import type { Kubernetes } from '../tools/kubernetes/connection.js';
import { sharedSignal } from '../tools/shared-signal.js';
import { type OpenTarget, wakeCluster } from './cluster.js';
import { withToolsOf } from './tool-step.js';

/** Connections to clusters; each caller closes its own. */
export type ConnectKubernetes = (cluster: ClusterRef) => Kubernetes;

export interface VerificationActivities {
  proveStack(task: VerificationTask): Promise<VerificationOutcome>;
}

export function verificationActivities(
  config: Pick<Config, 'stateDir'>,
  connect: ConnectKubernetes,
  openTarget: OpenTarget,
): VerificationActivities {
  return {
    proveStack: withToolsOf(config, async (task: VerificationTask, { report, signal, owner }) => {
      await wakeCluster(openTarget, task, { report, signal, owner });
      const kube = connect(task.cluster);
      const limit = AbortSignal.timeout(proofMs);
      try {
        const proof = await proveStack({
          kube,
          cluster: kube,
          spec: task.proof,
          ...(task.manifests && { manifests: Object.values(task.manifests) }),
          ...(task.releases && { releases: task.releases }),
          stackName: task.stack,
          onProgress: (text, hops) => {
            report(text, undefined, hops);
          },
          signal: sharedSignal(signal, limit),
        });
        const services = Object.keys(proof.services).length;
        return { proof, outcome: `proved: ${String(proof.spans)} spans of ${String(services)} services` };
      } catch (error) {
        throw limit.aborted && !signal.aborted ? tooLong(error) : error;
      } finally {
        kube.close();
      }
    }),
  };
}

function tooLong(cause: unknown): TracewrightError {
  return new TracewrightError({
    type: 'step.timeout',
    message: `The proof did not end within ${String(proofMs / 60_000)} minutes.`,
    remedy: 'Look at what it waited for with `tracewright status`, then retry.',
    cause,
  });
}
