import type { IncomingMessage } from 'node:http';
import { isApiError } from './api-error.js';
import type { Kubernetes } from './connection.js';
import { linesOf } from './lines.js';
import type { ObjectList, Pod } from './objects.js';
import { unreachable, type ApiRequest } from './transport.js';

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

export interface LogLine {
  readonly pod: string;
  readonly line: string;
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

/** Lines as they come, of all pods at once; ends when all of them have ended. @throws `step.cancelled` when `signal` fires */
export async function* followPodLogs(
  kube: Kubernetes,
  request: PodLogsRequest,
): AsyncGenerator<LogLine, void> {
  const pods = await podsOf(kube, request);
  const streams = await Promise.all(pods.map((pod) => openLog(kube, pod, request)));
  const queue: LogLine[] = [];
  let wake: (() => void) | undefined;
  let open = 0;
  let broken: Error | undefined;
  const follow = async (pod: string, stream: IncomingMessage): Promise<void> => {
    open += 1;
    try {
      for await (const line of linesOf(stream)) {
        queue.push({ pod, line });
        wake?.();
      }
    } catch (error) {
      broken ??= unreachable(kube.serverUrl, error, request.signal);
    } finally {
      open -= 1;
      wake?.();
    }
  };
  for (const [index, stream] of streams.entries()) {
    if (stream) void follow(pods[index]?.metadata.name ?? '', stream);
  }
  try {
    while (open > 0 || queue.length > 0) {
      const next = queue.shift();
      if (next) yield next;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
    if (broken) throw broken;
  } finally {
    for (const stream of streams) stream?.destroy();
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
  const request = { namespace: pod.metadata.namespace ?? '', selector: '', container, tailLines: lines };
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

async function openLog(
  kube: Kubernetes,
  pod: Pod,
  request: PodLogsRequest,
): Promise<IncomingMessage | undefined> {
  try {
    return await kube.stream({ ...logRequest(pod, request, { follow: true }), timeoutMs: 0 });
  } catch (error) {
    // 400: the container is still being made; 404: the pod is gone.
    if (isApiError(error, 400, 404)) return undefined;
    throw error;
  }
}

function logRequest(
  pod: Pod,
  { container, sinceTime, tailLines, signal }: PodLogsRequest,
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
