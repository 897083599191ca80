import { existsSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { isCancellation, isTracewrightError } from '../../domain/failure.js';
import type { K3dSettings } from '../../domain/k3d-settings.js';
import { withLock } from '../../tools/lock.js';
import type {
  Cluster,
  ClusterFacts,
  ClusterState,
  CreateOptions,
  DeleteOptions,
  FoundCluster,
  Target,
} from '../target.js';
import { classify, isOurs } from './cluster-state.js';
import { createK3dCluster } from './create.js';
import { clusterContainers, dockerVersion, ownContainers, type Docker, type K3dContainer } from './docker.js';
import { type K3d, k3dClusterName, k3dFolder, type K3dFolder } from './k3d-program.js';
import { findK3d, provideK3d } from './provide.js';
import { askCluster } from './ready.js';
import { removeCluster } from './remove.js';

export interface K3dTargetOptions {
  readonly environment: string;
  readonly stateDir: string;
  readonly cacheDir: string;
  /** PATH, Docker's settings, proxies. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly settings: K3dSettings;
  /** For each of k3d's phases, in milliseconds. @default 600000 */
  readonly timeoutMs?: number;
}

/** The longest phase is the pull of k3s (70 MB) over a slow line. */
const defaultTimeoutMs = 10 * 60_000;
/** How long another call may hold the cluster, in milliseconds. */
const lockTimeoutMs = 15 * 60_000;

/** A cluster of k3d: k3s in containers of the Docker engine that the user's settings name. */
export function createK3dTarget(options: K3dTargetOptions): Target {
  const folder = k3dFolder(options.stateDir, options.environment);
  const locked = <T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> =>
    withLock(folder.lock, { timeoutMs: lockTimeoutMs, signal }, work);
  return {
    kind: 'k3d',
    observe: () => observe(options, folder),
    create: (request) => locked(request.signal, () => create(options, folder, request)),
    delete: (request = {}) => locked(request.signal, () => remove(options, folder, request)),
  };
}

async function observe(options: K3dTargetOptions, folder: K3dFolder): Promise<ClusterState> {
  let facts: ClusterFacts = { kubeconfigPath: folder.kubeconfig };
  try {
    const name = k3dClusterName(options.environment);
    const containers = await clusterContainers({ variables: options.variables }, name);
    const found = classify(containers);
    facts = { ...facts, owned: isOurs(containers, options.environment) };
    if (found.kind === 'half-made') return { phase: 'broken', reason: found.reason, facts };
    if (found.kind !== 'running') return { phase: found.kind, facts };
  } catch (error) {
    if (!isTracewrightError(error)) throw error;
    return { phase: 'broken', reason: error.message, facts };
  }
  try {
    const { version, serverUrl, unready } = await askCluster(folder.kubeconfig);
    return { phase: unready.length === 0 ? 'ready' : 'starting', facts: { ...facts, version, serverUrl } };
  } catch (error) {
    if (!isTracewrightError(error)) throw error;
    return { phase: 'starting', facts };
  }
}

async function create(
  options: K3dTargetOptions,
  folder: K3dFolder,
  request: CreateOptions,
): Promise<Cluster> {
  const { environment, settings, timeoutMs = defaultTimeoutMs } = options;
  const docker: Docker = { variables: options.variables, signal: request.signal };
  await dockerVersion(docker);
  const { path } = await provideK3d(sourceOf(options, request));
  const { signal, owner } = request;
  const k3d: K3d = { path, folder, variables: options.variables, signal, owner };
  const name = k3dClusterName(environment);
  return createK3dCluster({ environment, name, settings, docker, k3d, request, timeoutMs });
}

/** Clusters that somebody else made stay; of ours nothing does. */
async function remove(options: K3dTargetOptions, folder: K3dFolder, request: DeleteOptions): Promise<void> {
  const name = k3dClusterName(options.environment);
  const docker: Docker = { variables: options.variables, signal: request.signal };
  const containers = await knownContainers(docker, name, folder);
  if (containers && isOurs(containers, options.environment)) {
    request.onProgress?.(`Deleting the k3d cluster ${name}`);
    const found = await findK3d(sourceOf(options, request));
    const k3d =
      typeof found === 'object'
        ? {
            path: found.path,
            folder,
            variables: options.variables,
            signal: request.signal,
            owner: request.owner,
          }
        : undefined;
    await removeCluster({ name, docker, folder, k3d });
  }
  await rm(folder.path, { recursive: true, force: true });
}

/**
 * @returns undefined when nothing can be there: an environment whose cluster was never begun, on a machine without
 * Docker
 */
async function knownContainers(
  docker: Docker,
  name: string,
  folder: K3dFolder,
): Promise<Awaited<ReturnType<typeof clusterContainers>> | undefined> {
  try {
    return await clusterContainers(docker, name);
  } catch (error) {
    const begun = await stat(folder.path).then(
      () => true,
      () => false,
    );
    if (begun || !isTracewrightError(error) || isCancellation(error)) throw error;
    return undefined;
  }
}

function sourceOf(
  { cacheDir, variables }: K3dTargetOptions,
  request: Partial<CreateOptions>,
): Parameters<typeof provideK3d>[0] {
  const { onProgress, signal, owner } = request;
  return { cacheDir, environment: variables, onProgress, signal, owner };
}

/**
 * The k3d clusters that environments made: those of the Docker engine, of any state folder, and those that this state
 * folder remembers. Changes nothing. An engine that cannot be asked is no failure: what the folders say counts then.
 */
export async function findK3dClusters(stateDir: string, docker: Docker): Promise<FoundCluster[]> {
  const names = await readdir(`${stateDir}/clusters`).catch(() => []);
  const begun = names.filter((name) => existsSync(k3dFolder(stateDir, name).config));
  let unseen: string | undefined;
  const containers = await ownContainers(docker).catch((error: unknown) => {
    if (!isTracewrightError(error)) throw error;
    unseen = error.message;
    return [];
  });
  const made = containers.flatMap(({ environment }) => environment ?? []).filter((name) => name !== '');
  return [...new Set([...begun, ...made])].map((environment) => {
    const own = containers.filter((it) => it.environment === environment);
    const folder = k3dFolder(stateDir, environment);
    return {
      environment,
      target: { kind: 'k3d' },
      stateDir: begun.includes(environment) ? stateDir : stateDirOf(own, environment, stateDir),
      exists: [
        ...own.map(({ name, status }) => `container ${name}, ${status}`),
        ...(existsSync(folder.path) ? [`folder ${folder.path}`] : []),
        ...(unseen === undefined ? [] : [`perhaps containers: ${unseen}`]),
      ],
    };
  });
}

/** A state folder that forgot the cluster will not take it away: then it is for whoever finds it. */
function stateDirOf(containers: readonly K3dContainer[], environment: string, here: string): string {
  const named = containers.map(({ stateDir }) => stateDir).find((it) => it !== null && it !== '');
  return named && existsSync(k3dFolder(named, environment).path) ? named : here;
}
