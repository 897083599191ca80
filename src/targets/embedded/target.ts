import { isDeepStrictEqual } from 'node:util';
import { TracewrightError } from '../../domain/failure.js';
import { withLock } from '../../tools/lock.js';
import { makeRoom } from '../kernel-limits.js';
import type { Cluster, ClusterState, CreateOptions, DeleteOptions, Target } from '../target.js';
import type { EmbeddedPrograms } from './build/store.js';
import { deleteCluster } from './delete.js';
import { clusterFolder, readNodeStatus, type ClusterFolder } from './folder.js';
import { checkHost, checkStateFolder } from './host.js';
import { dnsImageOf, imagesOf, readNodeImages, writeNodeConfig } from './node-config.js';
import { observeCluster } from './observe.js';
import { ensureHostPrograms } from './packages.js';
import { startNode, stopNode } from './processes.js';
import { writePullSettings, type ImagePulls } from './pulls.js';
import { waitReady } from './wait-ready.js';

export interface EmbeddedTargetOptions {
  /** A DNS label; also the name of the Kubernetes node. */
  readonly name: string;
  /** Absolute; the cluster lives in `clusters/<name>` below it. */
  readonly stateDir: string;
  /** Programs and images. Only `create` needs it: a cluster can be observed and deleted when its build is gone. */
  readonly build?: EmbeddedPrograms;
  /** How it comes to further images. @default not at all: those of the build are all */
  readonly pulls?: ImagePulls | undefined;
  /** Of the node and of apt-get, on top of those of this process: proxies. @default none */
  readonly variables?: Readonly<Record<string, string | undefined>> | undefined;
  /** For everything after the start of the node, in milliseconds. @default 120000 */
  readonly readyTimeoutMs?: number;
}

const defaultReadyTimeoutMs = 120_000;
/**
 * How long another call may hold the cluster: a first start with its packages and images takes this at the very most.
 */
const lockTimeoutMs = 300_000;

/** A single-node Kubernetes of our own on this machine, without Docker. */
export function createEmbeddedTarget(options: EmbeddedTargetOptions): Target {
  const folder = clusterFolder(options.stateDir, checkName(options.name));
  return {
    kind: 'embedded',
    observe: () => observeCluster(folder),
    create: (request) =>
      withLock(folder.lock, { timeoutMs: lockTimeoutMs, signal: request.signal }, () =>
        create(folder, options, request),
      ),
    delete: (request: DeleteOptions = {}) =>
      withLock(folder.lock, { timeoutMs: lockTimeoutMs, signal: request.signal }, async () => {
        request.onProgress?.('Deleting the embedded cluster');
        await deleteCluster(folder);
      }),
  };
}

async function create(
  folder: ClusterFolder,
  options: EmbeddedTargetOptions,
  request: CreateOptions,
): Promise<Cluster> {
  const { build, pulls, variables } = options;
  if (!build) throw new Error('createEmbeddedTarget was not given a build, and create needs it.');
  await checkHost();
  await checkStateFolder(options.stateDir);
  const dnsImage = dnsImageOf(build);
  const state = await observeCluster(folder, dnsImage);
  const images = imagesOf({ folder, build, pulls });
  // The program that pulls reads them again by itself.
  if (pulls) await writePullSettings(folder, pulls);
  const difference =
    state.phase === 'broken'
      ? state.reason
      : (await readNodeStatus(folder))?.buildHash !== build.hash
        ? 'its programs have changed'
        : isDeepStrictEqual(await readNodeImages(folder), images)
          ? undefined
          : 'its images come from elsewhere now';
  if (state.phase === 'ready' && difference === undefined) return clusterOf(folder, state);
  if (state.phase !== 'absent' && state.phase !== 'stopped' && difference !== undefined) {
    request.onProgress(`Restarting the embedded cluster: ${difference}`);
    await stopNode(folder.id, { keepData: true });
  }
  const programs = await ensureHostPrograms({ ...request, variables }, Object.keys(build.programs));
  const program = await writeNodeConfig({ name: options.name, folder, build, programs, images });
  await makeRoom(request.onProgress);
  request.onProgress(state.phase === 'absent' ? 'Starting Kubernetes' : 'Starting Kubernetes with its data');
  const node = await startNode(program, folder, { env: variables, signal: request.signal });
  const timeoutMs = options.readyTimeoutMs ?? defaultReadyTimeoutMs;
  const version = await waitReady({
    folder,
    node,
    dnsImage,
    timeoutMs,
    signal: request.signal,
    onProgress: (text) => {
      request.onProgress(text);
    },
  });
  const serverUrl = (await readNodeStatus(folder))?.server ?? '';
  return { kubeconfigPath: folder.kubeconfig, serverUrl, version, owned: true };
}

function clusterOf(folder: ClusterFolder, { facts }: ClusterState): Cluster {
  return {
    kubeconfigPath: folder.kubeconfig,
    serverUrl: facts.serverUrl ?? '',
    version: facts.version ?? '',
    owned: true,
  };
}

function checkName(name: string): string {
  if (/^[a-z0-9](?:[-a-z0-9]{0,38}[a-z0-9])?$/u.test(name)) return name;
  throw new TracewrightError({
    type: 'usage.invalid',
    message: `"${name}" cannot be the name of a cluster.`,
    remedy: 'Use up to 40 lower case letters, digits and hyphens, the first and the last no hyphen.',
  });
}
