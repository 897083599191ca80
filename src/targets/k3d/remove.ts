import { TracewrightError } from '../../domain/failure.js';
import { clusterContainers, clusterRemains, docker, type Docker } from './docker.js';
import { K3dFailed, runK3d, type K3d, type K3dFolder } from './k3d-program.js';
import { notedVolumes } from './volumes.js';

/** Containers stop at once: k3d removes them by force. */
const deleteTimeoutMs = 120_000;

export interface RemoveOptions {
  readonly name: string;
  readonly docker: Docker;
  readonly folder: K3dFolder;
  /** Absent where there is no k3d any more: Docker alone can do it. */
  readonly k3d?: K3d | undefined;
}

/**
 * Removes a cluster with everything that Docker has of it: what `k3d cluster delete` leaves behind of clusters that it
 * did not finish (networks that it found there, volumes without containers), too. Idempotent.
 * @throws TracewrightError `cluster.residue` that names what is left, `docker.*`
 */
export async function removeCluster(options: RemoveOptions): Promise<void> {
  const { name, k3d, docker: context } = options;
  if (k3d && (await clusterContainers(context, name)).length > 0) {
    try {
      await runK3d(k3d, { args: ['cluster', 'delete', name], timeoutMs: deleteTimeoutMs });
    } catch (error) {
      // The look at what is left decides.
      if (!(error instanceof K3dFailed)) throw error;
    }
  }
  await removeLeft(options);
  const left = await findLeft(options);
  if (left.length === 0) return;
  throw new TracewrightError({
    type: 'cluster.residue',
    message: `The k3d cluster ${name} is deleted, but this is left: ${left.slice(0, 5).join(', ')}${left.length > 5 ? ' …' : ''}.`,
    remedy: 'Run the command again; if it stays, `docker inspect` says what holds it.',
    evidence: left,
  });
}

async function removeLeft(options: RemoveOptions): Promise<void> {
  const { docker: context } = options;
  const { containers, networks, volumes } = await look(options);
  for (const args of [
    ...containers.map((it) => ['rm', '--force', '--volumes', it.name]),
    ...networks.map((it) => ['network', 'rm', it]),
    ...volumes.map((it) => ['volume', 'rm', '--force', it]),
  ]) {
    // What does not go is found a moment later, and named.
    await docker(context, args).catch(unlessCancelled);
  }
}

/** What Docker has of the cluster: `container k3d-x-server-0`, `network k3d-x`. */
async function findLeft(options: RemoveOptions): Promise<string[]> {
  const { containers, networks, volumes } = await look(options);
  return [
    ...containers.map((it) => `container ${it.name}`),
    ...networks.map((it) => `network ${it}`),
    ...volumes.map((it) => `volume ${it}`),
  ];
}

function unlessCancelled(error: unknown): void {
  if (!(error instanceof TracewrightError) || error.type !== 'tool.failed') throw error;
}

async function look({ name, docker: context, folder }: RemoveOptions) {
  const [containers, { networks, volumes }, noted] = await Promise.all([
    clusterContainers(context, name),
    clusterRemains(context, name),
    notedVolumes(context, folder),
  ]);
  return { containers, networks, volumes: [...new Set([...volumes, ...noted])] };
}
