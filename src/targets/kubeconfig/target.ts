import { TracewrightError } from '../../domain/failure.js';
import type { ToolSource } from '../../tools/find-program.js';
import { connectKubernetes } from '../../tools/kubernetes/connection.js';
import type { Cluster, ClusterState, Target } from '../target.js';

export interface KubeconfigTargetOptions {
  readonly kubectl: ToolSource;
  /** Absolute; several joined as in KUBECONFIG. */
  readonly kubeconfigPath: string;
  /** @default the current context of the file */
  readonly context?: string | undefined;
}

/** A cluster that somebody else made. It is used, and never created, changed as a cluster, or deleted. */
export function createKubeconfigTarget(options: KubeconfigTargetOptions): Target {
  const look = async (signal?: AbortSignal): Promise<Cluster> => {
    const kube = connectKubernetes(options);
    try {
      const version = await kube.serverVersion(signal);
      return { kubeconfigPath: options.kubeconfigPath, serverUrl: kube.serverUrl, version, owned: false };
    } finally {
      kube.close();
    }
  };
  return {
    kind: 'kubeconfig',
    observe: async (): Promise<ClusterState> => {
      try {
        const { version, serverUrl, kubeconfigPath } = await look();
        return { phase: 'ready', facts: { version, serverUrl, kubeconfigPath } };
      } catch (error) {
        if (!(error instanceof TracewrightError)) throw error;
        return { phase: 'broken', reason: error.message, facts: { kubeconfigPath: options.kubeconfigPath } };
      }
    },
    create: ({ onProgress, signal }) => {
      onProgress('asking the API server for its version');
      return look(signal);
    },
    delete: () => Promise.resolve(),
  };
}
