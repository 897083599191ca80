import { check, type Check } from '../domain/check.js';
import type { TargetSpec } from '../domain/progress.js';
import { connectKubernetes } from '../tools/kubernetes/connection.js';

export interface KubeconfigPreflightOptions {
  readonly target: TargetSpec;
  readonly signal?: AbortSignal | undefined;
}

/** Looks whether an existing cluster can take the stack. Changes nothing in it. */
export async function preflightKubeconfig({ target, signal }: KubeconfigPreflightOptions): Promise<Check[]> {
  return [
    await check('cluster', async () => {
      const { kubeconfigPath = '', context } = target;
      const kube = connectKubernetes({ kubeconfigPath, context });
      try {
        return `Kubernetes ${await kube.serverVersion(signal)} answers at ${kube.serverUrl}.`;
      } finally {
        kube.close();
      }
    }),
  ];
}
