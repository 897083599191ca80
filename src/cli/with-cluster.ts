import { existsSync } from 'node:fs';
import { TracewrightError } from '../domain/failure.js';
import type { EnvironmentSpec, Progress } from '../domain/progress.js';
import { connectKubernetes, type Kubernetes } from '../tools/kubernetes/connection.js';
import type { CliContext } from './context.js';
import { chooseEnvironment, queryProgress, querySpec } from './environments.js';
import { noEnvironment } from './refusals.js';
import { openExistingSession, type LastingSession, type Session, type Use } from './session.js';
import type { ClusterOptions } from './target-options.js';

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

/**
 * Runs `work` on the environment that a command means, and closes the connection after it.
 * @param name of the environment; `undefined` for the only one
 * @param use whether the command changes it
 * @param options an existing cluster that is looked into where nobody knows the environment
 * @throws TracewrightError `environment.not-found`, `environment.orphaned`, `usage.invalid`, `temporal.*`; what `work`
 * throws
 */
export async function onEnvironment<T>(
  context: CliContext,
  name: string | undefined,
  work: (session: LastingSession, name: string) => Promise<T>,
  use: Use = 'look',
  options?: ClusterOptions,
): Promise<T> {
  let session: LastingSession | undefined;
  try {
    session = await openExistingSession(context, use);
    if (!session) throw noEnvironment(name);
    return await work(session, await chooseEnvironment(session.client, name));
  } catch (error) {
    // Loaded only now: most commands find their environment.
    const { withWhatExists } = await import('./orphans.js');
    throw await withWhatExists(context, session?.client, name, error, options);
  } finally {
    await session?.close();
  }
}
