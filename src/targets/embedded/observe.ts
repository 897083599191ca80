import { stat } from 'node:fs/promises';
import { isTracewrightError } from '../../domain/failure.js';
import { connectKubernetes, type Kubernetes } from '../../tools/kubernetes/connection.js';
import type { ObjectList, Pod } from '../../tools/kubernetes/objects.js';
import type { ProcessIdentity } from '../../tools/process-identity.js';
import type { ClusterFacts, ClusterState } from '../target.js';
import { readNodeIdentity, readNodeStatus, type ClusterFolder, type NodeStatus } from './folder.js';
import { isDnsPod, isNodeReady, isServing, isStale, type NodeObject } from './health.js';
import { belongsTo, findNode } from './processes.js';

/** So many ends right after a start, in a row, and a program is given up on: about ten seconds of trying. */
const quickEndsToGiveUp = 7;
/** A local API server that takes longer is not ready for anything. */
const apiTimeoutMs = 2_000;

/** The live process of the node: by its file, or by its control group when the file is gone. */
export async function liveNode(folder: ClusterFolder): Promise<ProcessIdentity | undefined> {
  const known = await readNodeIdentity(folder);
  if (known && (await belongsTo(folder.id, known))) return known;
  return await findNode(folder.id);
}

/** The program that keeps ending, if one does. */
export function failingProgram(status: NodeStatus): { name: string; lastEnd: string } | undefined {
  const failing = Object.entries(status.programs).find(
    ([, program]) => program.quickEnds >= quickEndsToGiveUp,
  );
  return failing && { name: failing[0], lastEnd: failing[1].lastEnd ?? 'it cannot be started' };
}

/**
 * Looks at the cluster: its process, what the node says, and what the API server says. Changes nothing.
 * @param dnsImage what cluster DNS has to run; without it, whatever it runs
 */
export async function observeCluster(folder: ClusterFolder, dnsImage?: string): Promise<ClusterState> {
  const process = await liveNode(folder);
  if (!process) return { phase: (await hasData(folder)) ? 'stopped' : 'absent', facts: {} };
  const status = await readNodeStatus(folder);
  const facts: ClusterFacts = {
    process,
    kubeconfigPath: folder.kubeconfig,
    ...(status && { nodeName: status.nodeName, serverUrl: status.server }),
  };
  if (!(await hasData(folder)))
    return { phase: 'broken', reason: `its folder ${folder.path} was deleted while it ran`, facts };
  if (!status?.apiReady || status.images.ready.length < status.images.total) return starting(status, facts);
  return await observeApi(folder, status, facts, dnsImage);
}

function starting(status: NodeStatus | undefined, facts: ClusterFacts): ClusterState {
  const failing = status && failingProgram(status);
  return failing
    ? { phase: 'broken', reason: `${failing.name} keeps ending: ${failing.lastEnd}`, facts }
    : { phase: 'starting', facts };
}

async function observeApi(
  folder: ClusterFolder,
  status: NodeStatus,
  facts: ClusterFacts,
  dnsImage: string | undefined,
): Promise<ClusterState> {
  let kube: Kubernetes | undefined;
  try {
    kube = connectKubernetes({ kubeconfigPath: folder.kubeconfig });
    const [node, pods] = await Promise.all([
      kube.json<NodeObject>({ path: `/api/v1/nodes/${status.nodeName}`, timeoutMs: apiTimeoutMs }),
      kube.json<ObjectList<Pod>>({
        path: '/api/v1/pods',
        query: { resourceVersion: '0' },
        timeoutMs: apiTimeoutMs,
      }),
    ]);
    const version = node.status?.nodeInfo?.kubeletVersion;
    const known = { ...facts, ...(version !== undefined && { version }) };
    const all = pods.items ?? [];
    const isReady =
      isNodeReady(node, status.startedAt) &&
      all.some(
        (pod) =>
          isDnsPod(pod) && isServing(pod, dnsImage ?? pod.spec.containers[0]?.image ?? '', status.startedAt),
      ) &&
      !all.some((pod) => isStale(pod, status.startedAt));
    return isReady ? { phase: 'ready', facts: known } : starting(status, known);
  } catch (error) {
    if (!isTracewrightError(error)) throw error;
    return starting(status, facts);
  } finally {
    kube?.close();
  }
}

async function hasData({ path }: ClusterFolder): Promise<boolean> {
  return await stat(`${path}/node.json`).then(
    () => true,
    () => false,
  );
}
