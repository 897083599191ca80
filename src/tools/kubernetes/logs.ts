import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { isApiError } from './api-error.js';
import type { ObjectList, Pod } from './objects.js';
import { type ApiClient, type ApiRequest, unreachable } from './transport.js';

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
export async function podLogs(kube: ApiClient, request: PodLogsRequest): Promise<string> {
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
  kube: ApiClient,
  { pod, container }: LogSource,
  flags: { follow?: boolean; previous?: boolean; tailLines?: number | undefined },
  signal?: AbortSignal,
): Promise<Readable | undefined> {
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
  kube: ApiClient,
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
  kube: ApiClient,
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

export interface LogLine extends LogSource {
  readonly line: string;
}

export interface FollowOptions {
  /** The pods as they are now; asked again and again. */
  readonly pods: () => Promise<readonly Pod[]>;
  /** Of the containers that run already. @default all */
  readonly tailLines?: number | undefined;
  readonly signal: AbortSignal;
}

/** In milliseconds: how soon a new pod or a restarted container is seen. */
const lookAgainMs = 1_000;

/**
 * Lines of all containers as they are written, until `signal` fires. Pods that come later and containers that start
 * again are followed from their first line.
 * @throws TracewrightError `cluster.*`
 */
export async function* followLogs(
  kube: ApiClient,
  { pods, tailLines, signal }: FollowOptions,
): AsyncGenerator<LogLine, void> {
  const queue: LogLine[] = [];
  const followed = new Set<string>();
  const stop = new AbortController();
  const ended = AbortSignal.any([signal, stop.signal]);
  let wake: () => void = () => undefined;
  let failure: unknown;
  const fail = (error: unknown): void => {
    failure ??= error;
    wake();
  };
  const follow = async (source: LogSource, key: string, tail: number | undefined): Promise<void> => {
    const stream = await openLog(kube, source, { follow: true, tailLines: tail }, ended);
    // It has not started: the next look tries again.
    if (!stream) followed.delete(key);
    for await (const line of stream ? linesOf(stream) : []) {
      queue.push({ ...source, line });
      wake();
    }
  };
  const look = async (): Promise<void> => {
    for (let first = true; !ended.aborted; first = false) {
      for (const pod of await pods()) {
        for (const container of containersOf(pod)) {
          const key = runOf(pod, container);
          if (followed.has(key)) continue;
          followed.add(key);
          follow({ pod, container }, key, first ? tailLines : undefined).catch(fail);
        }
      }
      await sleep(lookAgainMs, undefined, { signal: ended }).catch(() => undefined);
    }
  };
  signal.addEventListener(
    'abort',
    () => {
      wake();
    },
    { once: true },
  );
  look().catch(fail);
  try {
    while (!signal.aborted) {
      const next = queue.shift();
      if (next) yield next;
      else if (failure !== undefined) throw unreachable(kube.serverUrl, failure);
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    stop.abort();
  }
}

/** Names one run of a container: a new one begins with the pod or with a restart. */
function runOf({ metadata, status }: Pod, container: string): string {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const restarts = all.find(({ name }) => name === container)?.restartCount ?? 0;
  return `${String(metadata.uid)} ${container} ${String(restarts)}`;
}

/** The lines of a stream as they come; a last one without a line break counts. Throws what the stream throws. */
export async function* linesOf(stream: Readable): AsyncGenerator<string, void> {
  // Not readline: its iterator neither ends nor throws when the input breaks.
  stream.setEncoding('utf8');
  let rest = '';
  for await (const chunk of stream as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line;
  }
  if (rest !== '') yield rest;
}
