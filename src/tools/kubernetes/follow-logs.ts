import { setTimeout as sleep } from 'node:timers/promises';
import type { Kubernetes } from './connection.js';
import { linesOf } from './lines.js';
import type { Pod } from './objects.js';
import { containersOf, openLog, type LogSource } from './pod-logs.js';
import { unreachable } from './transport.js';

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
  kube: Kubernetes,
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
