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
   * @throws TracewrightError `cluster.not-found`
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
        kube: () => (connected ??= connectKubernetes(clusterOf(progress))),
      });
    } finally {
      connected?.close();
    }
  });
}

function clusterOf({ environment, phase, cluster }: Progress): NonNullable<Progress['cluster']> {
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
    message: `The environment "${environment}" was taken away.`,
    remedy: `\`tracewright up --name ${environment}\` makes it anew.`,
  });
}
