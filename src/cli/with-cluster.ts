import { existsSync } from 'node:fs';
import { TracewrightError } from '../domain/failure.js';
import type { EnvironmentSpec, Progress } from '../domain/progress.js';
import { connectKubernetes, type Kubernetes } from '../tools/kubernetes/connection.js';
import type { CliContext } from './context.js';
import { queryProgress, querySpec } from './environments.js';
import { onEnvironment } from './on-environment.js';
import type { Session } from './session.js';

/** What a command works with that looks into the cluster of an environment. */
export interface EnvironmentCluster {
  readonly session: Session;
  readonly environment: string;
  readonly progress: Progress;
  readonly spec: EnvironmentSpec;
  /**
   * Asks for its cluster when it is called first: some pages and logs need none.
   * @throws TracewrightError `cluster.not-found`, `host.elsewhere`
   */
  kube(): Kubernetes;
}

/**
 * Runs `work` on an environment and closes the connections after it.
 * @throws TracewrightError `environment.not-found`, `usage.invalid`, `temporal.*`
 */
export async function withCluster<T>(
  context: CliContext,
  name: string | undefined,
  work: (it: EnvironmentCluster) => Promise<T>,
): Promise<T> {
  let connected: Kubernetes | undefined;
  return onEnvironment(context, name, async (session, environment) => {
    try {
      const progress = await queryProgress(session.client, environment);
      if (progress.phase === 'Removed') throw removed(environment);
      const spec = await querySpec(session.client, environment);
      return await work({
        session,
        environment,
        progress,
        spec,
        kube: () =>
          (connected ??= connectKubernetes({
            ...clusterOf(progress, session.hostId),
            kubectl: { ...context.config, onProgress: context.note },
          })),
      });
    } finally {
      connected?.close();
    }
  });
}

/** @param hostId of this machine, which has the kubeconfig of its own clusters alone */
function clusterOf(
  { environment, phase, cluster, hostId: holder }: Progress,
  hostId: string,
): NonNullable<Progress['cluster']> {
  if (cluster && holder !== undefined && holder !== hostId && !existsSync(cluster.kubeconfigPath))
    throw new TracewrightError({
      type: 'host.elsewhere',
      message: `The cluster of ${environment} is on another machine (${holder}), and so is its kubeconfig ${cluster.kubeconfigPath}.`,
      remedy: 'Run the command on that machine.',
    });
  if (cluster) return cluster;
  throw new TracewrightError({
    type: 'cluster.not-found',
    message: `${environment} is ${phase} and has no cluster yet.`,
    remedy: `\`tracewright status --name ${environment}\` shows how far it is.`,
  });
}

function removed(environment: string): TracewrightError {
  return new TracewrightError({
    type: 'environment.not-found',
    message: `The environment "${environment}" has been removed.`,
    remedy: `\`tracewright up --name ${environment}\` creates it again.`,
  });
}
