import { setTimeout as sleep } from 'node:timers/promises';
import { isTracewrightError, TracewrightError } from '../../domain/failure.js';
import { connectKubernetes, type Kubernetes } from '../../tools/kubernetes/connection.js';
import type { Condition, ObjectList, ObjectMeta } from '../../tools/kubernetes/objects.js';

/** A local API server that takes longer is not ready for anything. In milliseconds. */
const apiTimeoutMs = 3_000;
const pollMs = 500;

interface NodeObject {
  readonly metadata: ObjectMeta;
  readonly status?: { readonly conditions?: readonly Condition[] };
}

export interface Answer {
  readonly serverUrl: string;
  /** Such as `v1.31.5+k3s1`. */
  readonly version: string;
  /** Nodes that are not Ready. */
  readonly unready: readonly string[];
}

/** What the cluster of a kubeconfig says. @throws TracewrightError `cluster.*` when it does not answer */
export async function askCluster(kubeconfigPath: string, signal?: AbortSignal): Promise<Answer> {
  let kube: Kubernetes | undefined;
  try {
    kube = connectKubernetes({ kubeconfigPath });
    const version = await kube.serverVersion(signal);
    const { items } = await kube.json<ObjectList<NodeObject>>({
      path: '/api/v1/nodes',
      timeoutMs: apiTimeoutMs,
      signal,
    });
    const nodes = items ?? [];
    const unready = nodes.filter((node) => !isReady(node)).map(({ metadata }) => metadata.name);
    // A server that has registered no node yet is not ready either.
    return {
      serverUrl: kube.serverUrl,
      version,
      unready: nodes.length === 0 ? ['the first node'] : unready,
    };
  } finally {
    kube?.close();
  }
}

function isReady({ status }: NodeObject): boolean {
  return status?.conditions?.some(({ type, status: state }) => type === 'Ready' && state === 'True') ?? false;
}

export interface WaitOptions {
  readonly kubeconfigPath: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress: (text: string) => void;
}

/**
 * Waits until every node is Ready.
 * @throws TracewrightError `cluster.not-ready`, `cluster.forbidden`, `step.cancelled`
 */
export async function waitReady(options: WaitOptions): Promise<Answer> {
  const deadline = Date.now() + options.timeoutMs;
  for (;;) {
    const answer = await askOrWhy(options);
    if (typeof answer !== 'string') return answer;
    options.onProgress(answer);
    if (Date.now() >= deadline) throw notReady(answer, options.timeoutMs);
    await sleep(pollMs);
  }
}

/** @returns why it is not ready yet, when it is not */
async function askOrWhy({ kubeconfigPath, signal }: WaitOptions): Promise<Answer | string> {
  try {
    const answer = await askCluster(kubeconfigPath, signal);
    return answer.unready.length === 0 ? answer : `${answer.unready.join(', ')} is not Ready`;
  } catch (error) {
    if (!isTracewrightError(error) || error.type !== 'cluster.unreachable') throw error;
    return error.message.replace(/\.$/u, '');
  }
}

function notReady(last: string, timeoutMs: number): TracewrightError {
  return new TracewrightError({
    type: 'cluster.not-ready',
    message: `The k3d cluster is not ready after ${String(Math.round(timeoutMs / 1000))} s: ${last}.`,
    remedy: 'Look at `docker ps --all --filter label=app=k3d` and at the log of its server, then try again.',
  });
}
