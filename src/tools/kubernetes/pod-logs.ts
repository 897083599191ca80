import type { IncomingMessage } from 'node:http';
import { isApiError } from './api-error.js';
import type { Kubernetes } from './connection.js';
import type { ObjectList, Pod } from './objects.js';
import type { ApiRequest } from './transport.js';

export interface PodLogsRequest {
  readonly namespace: string;
  /** A label selector such as `app=hotrod`. */
  readonly selector: string;
  /** @default the container that the pod names its default, or its first */
  readonly container?: string;
  /** Only lines from then on; Kubernetes rounds to whole seconds. */
  readonly sinceTime?: Date | string;
  /** Per pod. @default all */
  readonly tailLines?: number;
  readonly signal?: AbortSignal | undefined;
}

/** What of the log of one pod is wanted. */
interface LogPart {
  readonly container?: string | undefined;
  readonly sinceTime?: Date | string | undefined;
  readonly tailLines?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One container of a pod. */
export interface LogSource {
  readonly pod: Pod;
  readonly container: string;
}

/** The text of all pods that the selector fits. A pod that has not started yet, or is gone, adds nothing. */
export async function podLogs(kube: Kubernetes, request: PodLogsRequest): Promise<string> {
  const pods = await podsOf(kube, request);
  const texts = await Promise.all(
    pods.map(async (pod) => {
      const answer = await kube.send(logRequest(pod, request, {}));
      return answer.status === 200 ? answer.body : '';
    }),
  );
  return texts.join('');
}

/** All containers of a pod, those that prepare it first. */
export function containersOf({ spec }: Pod): string[] {
  return [...(spec.initContainers ?? []), ...spec.containers].map(({ name }) => name);
}

/**
 * The log of one container as it comes: what is there, and with `follow` what it writes until it ends.
 * @returns undefined when there is none: the container has not started, never ended (`previous`), or the pod is gone
 */
export async function openLog(
  kube: Kubernetes,
  { pod, container }: LogSource,
  flags: { follow?: boolean; previous?: boolean; tailLines?: number | undefined },
  signal?: AbortSignal,
): Promise<IncomingMessage | undefined> {
  const { tailLines, ...others } = flags;
  try {
    const request = logRequest(pod, { container, tailLines, signal }, others);
    return await kube.stream({ ...request, timeoutMs: 0 });
  } catch (error) {
    // 400: the container is still being made, or never ended; 404: the pod is gone.
    if (isApiError(error, 400, 404)) return undefined;
    throw error;
  }
}

/**
 * The last lines of one container, for an error: of its last run when it has crashed, else of the present one.
 * Never fails: the log is evidence, and its absence must not hide what it was wanted for.
 */
export async function lastLogLines(
  kube: Kubernetes,
  pod: Pod,
  container: string,
  { lines = 10, previous = true }: { lines?: number; previous?: boolean } = {},
): Promise<string[]> {
  const request = { container, tailLines: lines };
  for (const last of previous ? [true, false] : [false]) {
    const answer = await kube
      .send({ ...logRequest(pod, request, { previous: last }), timeoutMs: 5_000 })
      .catch(() => undefined);
    const text = answer?.status === 200 ? answer.body.split('\n').filter((line) => line.trim() !== '') : [];
    if (text.length > 0) return text.slice(-lines);
  }
  return [];
}

async function podsOf(
  kube: Kubernetes,
  { namespace, selector, signal }: PodLogsRequest,
): Promise<readonly Pod[]> {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  return (await kube.json<ObjectList<Pod>>({ path, query: { labelSelector: selector }, signal })).items ?? [];
}

function logRequest(
  pod: Pod,
  { container, sinceTime, tailLines, signal }: LogPart,
  flags: { follow?: boolean; previous?: boolean },
): ApiRequest {
  const byDefault =
    pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'] ?? pod.spec.containers[0]?.name;
  return {
    path: `/api/v1/namespaces/${String(pod.metadata.namespace)}/pods/${pod.metadata.name}/log`,
    query: {
      container: container ?? byDefault,
      sinceTime: sinceTime instanceof Date ? sinceTime.toISOString() : sinceTime,
      tailLines,
      ...(flags.follow && { follow: true }),
      ...(flags.previous && { previous: true }),
    },
    signal,
  };
}
