import { watch } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isTracewrightError, TracewrightError } from '../../domain/failure.js';
import { connectKubernetes, type Kubernetes } from '../../tools/kubernetes/connection.js';
import type { ClusterEvent, ObjectList, ObjectMeta, Pod } from '../../tools/kubernetes/objects.js';
import { latest, oneLine } from '../../tools/kubernetes/ready/pods.js';
import { cancelled } from '../../tools/kubernetes/transport.js';
import { watchCollection } from '../../tools/kubernetes/watch.js';
import { logEvidence } from '../../tools/log-file.js';
import { isAlive, type ProcessIdentity } from '../../tools/process-identity.js';
import { programLog, readNodeStatus, type ClusterFolder, type NodeStatus } from './folder.js';
import { applyDns, isDnsPod, isNodeReady, isServing, isStale, type NodeObject } from './health.js';
import { failingProgram } from './observe.js';

/** The node program writes its status at each change; this is for a file system that does not tell of them. */
const lookAgainMs = 500;
/** The API server may be restarted meanwhile; the time limit of the whole decides. */
const patienceMs = 60_000;

export interface WaitReadyOptions {
  readonly folder: ClusterFolder;
  readonly node: ProcessIdentity;
  readonly dnsImage: string;
  /** In milliseconds, for everything. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress: (text: string) => void;
}

/**
 * Waits until the cluster can be used: API server, node, every image, and cluster DNS, which it applies.
 * @returns the version of Kubernetes
 * @throws TracewrightError `cluster.start-failed`, `cluster.not-ready`, `step.cancelled`
 */
export async function waitReady(options: WaitReadyOptions): Promise<string> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const failure = new AbortController();
  const signal = AbortSignal.any([timeout, failure.signal, ...(options.signal ? [options.signal] : [])]);
  try {
    const status = await whenStatus(options, signal, ({ apiReady }) => apiReady);
    options.onProgress('The API server answers');
    const images = whenStatus(options, signal, ({ images: { ready, total } }) => ready.length === total);
    const kube = connectKubernetes({ kubeconfigPath: options.folder.kubeconfig });
    try {
      const [, version] = await Promise.all([images, whenUsable(kube, status, options, signal)]);
      return version;
    } finally {
      kube.close();
    }
  } catch (error) {
    if (options.signal?.aborted) throw cancelled();
    throw timeout.aborted ? await notReady(options) : error;
  } finally {
    failure.abort(); // ends what still waits beside the one that failed
  }
}

async function whenUsable(
  kube: Kubernetes,
  { nodeName, startedAt }: NodeStatus,
  { dnsImage, onProgress }: WaitReadyOptions,
  signal: AbortSignal,
): Promise<string> {
  const find = (items: Items<NodeObject>): NodeObject | undefined => {
    const node = items.get(nodeName);
    return node && isNodeReady(node, startedAt) ? node : undefined;
  };
  const arePodsFresh = (items: Items<Pod>): true | undefined => {
    const pods = [...items.values()];
    if (pods.some((pod) => isStale(pod, startedAt))) return undefined;
    return pods.some((pod) => isDnsPod(pod) && isServing(pod, dnsImage, startedAt)) || undefined;
  };
  const [node] = await Promise.all([
    whenItems(kube, '/api/v1/nodes', find, signal).then((found) => {
      onProgress('The node is ready');
      return found;
    }),
    applyDnsPatiently(kube, dnsImage, signal),
    whenItems(kube, '/api/v1/pods', arePodsFresh, signal),
  ]);
  onProgress('Cluster DNS is ready');
  return node.status?.nodeInfo?.kubeletVersion ?? (await kube.serverVersion(signal));
}

/** The API server may be restarted at any moment, also between the objects. */
async function applyDnsPatiently(kube: Kubernetes, image: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await applyDns(kube, image, signal);
      return;
    } catch (error) {
      if (!isTracewrightError(error) || error.type !== 'cluster.unreachable') throw error;
      await sleep(100, undefined, { signal });
    }
  }
}

type Items<T> = ReadonlyMap<string, T>;

/** Watches a collection until `find` finds what is wanted in it. */
async function whenItems<T extends { readonly metadata: ObjectMeta }, Found>(
  kube: Kubernetes,
  path: string,
  find: (items: Items<T>) => Found | undefined,
  signal: AbortSignal,
): Promise<Found> {
  return await new Promise<Found>((resolve, reject) => {
    const onAbort = (): void => {
      watched.stop();
      reject(cancelled());
    };
    const watched = watchCollection<T>(kube, {
      path,
      patienceMs,
      onChange: () => {
        const found = find(watched.items);
        if (found === undefined && !watched.failure) return;
        signal.removeEventListener('abort', onAbort);
        watched.stop();
        if (found === undefined) reject(watched.failure ?? cancelled());
        else resolve(found);
      },
    });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}

/**
 * Follows the node's own word until it is as wanted. A program that keeps ending, or the end of the node, is a failure.
 */
async function whenStatus(
  options: WaitReadyOptions,
  signal: AbortSignal,
  isWanted: (status: NodeStatus) => boolean,
): Promise<NodeStatus> {
  const { folder, node, onProgress } = options;
  let wake: () => void = () => undefined;
  const watcher = watch(folder.path, (_, file) => {
    if (file === 'status.json') wake();
  });
  watcher.on('error', () => undefined); // the timer still looks
  let told: string | undefined;
  try {
    for (;;) {
      signal.throwIfAborted();
      const changed = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const status = await readNodeStatus(folder);
      if (status && isWanted(status)) return status;
      if (status?.images.importing !== undefined && status.apiReady && status.images.importing !== told) {
        told = status.images.importing;
        onProgress(
          `Importing image ${String(status.images.ready.length + 1)} of ${String(status.images.total)}: ${told}`,
        );
      }
      const failing = status && failingProgram(status);
      if (failing) throw await startFailed(options, failing.name, failing.lastEnd);
      if (!(await isAlive(node))) throw await startFailed(options, 'node', 'it is gone');
      await withTimeLimit(changed, signal);
    }
  } finally {
    watcher.close();
  }
}

async function withTimeLimit(event: Promise<void>, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: () => void = () => undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, lookAgainMs);
    onAbort = resolve;
    signal.addEventListener('abort', onAbort, { once: true });
  });
  await Promise.race([event, limit]);
  clearTimeout(timer);
  signal.removeEventListener('abort', onAbort);
}

async function startFailed(
  { folder }: WaitReadyOptions,
  program: string,
  why: string,
): Promise<TracewrightError> {
  return new TracewrightError({
    type: 'cluster.start-failed',
    message: `${program} of the embedded cluster keeps ending: ${why}.`,
    remedy: `Look at ${folder.logs}/${program}.log, then run the command again.`,
    evidence: await logEvidence(programLog(folder, program)),
  });
}

/** Names what is missing, with the log of the program that is to blame for it. */
async function notReady({ folder, timeoutMs }: WaitReadyOptions): Promise<TracewrightError> {
  const status = await readNodeStatus(folder);
  const warning = status?.apiReady ? await lastWarning(folder) : undefined;
  const [missing, program] = !status?.apiReady
    ? ['its API server does not answer', 'kube-apiserver']
    : status.images.ready.length < status.images.total
      ? [
          `the image ${status.images.importing ?? ''} is not imported ${status.images.failure ?? ''}`.trim(),
          'containerd',
        ]
      : [
          `its node or its DNS is not ready${warning === undefined ? '' : `: ${oneLine(warning, 300)}`}`,
          'kubelet',
        ];
  return new TracewrightError({
    type: 'cluster.not-ready',
    message: `The embedded cluster is not ready after ${String(Math.round(timeoutMs / 1000))} s: ${missing}.`,
    remedy: `Look at ${folder.logs}/${program}.log, then run the command again.`,
    evidence: await logEvidence(programLog(folder, program)),
  });
}

/** Of the cluster's own pods: why an image of theirs cannot be pulled, for one. */
async function lastWarning({ kubeconfig }: ClusterFolder): Promise<string | undefined> {
  const kube = connectKubernetes({ kubeconfigPath: kubeconfig });
  try {
    const path = '/api/v1/namespaces/kube-system/events';
    const { items } = await kube.json<ObjectList<ClusterEvent>>({ path, timeoutMs: 2_000 });
    return latest(items ?? [], ({ type, message = '' }) => type === 'Warning' && /pull/iu.test(message))
      ?.message;
  } catch {
    return undefined; // the failure is told without it
  } finally {
    kube.close();
  }
}
