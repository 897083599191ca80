import { setTimeout as sleep } from 'node:timers/promises';
import { TracewrightError } from '../../domain/failure.js';
import { ApiError, isApiError, parseAnswer, type ApiStatus } from './api-error.js';
import type { Kubernetes } from './connection.js';
import { linesOf } from './logs.js';
import type { ObjectList, ObjectMeta } from './objects.js';
import { unreachable } from './transport.js';

export interface WatchOptions {
  /** The collection, such as `/api/v1/namespaces/tracing/pods`. */
  readonly path: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** After every change of `items`, the first list included, and when `failure` is set. */
  readonly onChange: () => void;
  /** How long the API server may stay away before the watch gives up, in milliseconds. @default 20000 */
  readonly patienceMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** A collection of the cluster, kept up to date. */
export interface CollectionWatch<T> {
  /** By name, or `namespace/name` where the collection spans namespaces. */
  readonly items: ReadonlyMap<string, T>;
  /** True once the first list has arrived. */
  readonly synced: boolean;
  /** Why the watch has ended by itself: the server stayed away, or refuses. */
  readonly failure: TracewrightError | undefined;
  stop(): void;
}

interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T & ApiStatus;
}

/** The server ends each watch after so many seconds; the next one goes on where it stopped. */
const watchSeconds = 60;
/** In milliseconds; a connection that dies without a word (a pulled cable) is noticed by this. */
const silenceMs = (watchSeconds + 10) * 1000;
const firstPauseMs = 100;
const longestPauseMs = 1_000;

/** Lists and then watches; starts again by itself when the connection breaks, until the server stays away too long. */
export function watchCollection<T extends { readonly metadata: ObjectMeta }>(
  kube: Kubernetes,
  { onChange, patienceMs = 20_000, signal, ...options }: WatchOptions,
): CollectionWatch<T> {
  const items = new Map<string, T>();
  const state: { synced: boolean; failure: TracewrightError | undefined } = {
    synced: false,
    failure: undefined,
  };
  const stopper = new AbortController();
  const stop = (): void => {
    stopper.abort();
    signal?.removeEventListener('abort', stop);
  };
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();

  const stopped = (): boolean => stopper.signal.aborted;
  const follow = async (): Promise<void> => {
    let lastSign = Date.now();
    let pauseMs = firstPauseMs;
    let from: string | undefined;
    const onSign = (): void => {
      [lastSign, pauseMs] = [Date.now(), firstPauseMs];
    };
    while (!stopped()) {
      try {
        if (from === undefined) {
          from = await list(kube, options, stopper.signal, items);
          state.synced = true;
          onChange();
        }
        from = await watchOnce(kube, options, stopper.signal, from, { items, onChange, onSign });
      } catch (error) {
        if (stopped()) return;
        // 410: our version is too old for the server's memory; whatever else it was, a fresh list puts it right.
        from = undefined;
        if (isApiError(error, 410)) continue;
        if (isRefusal(error) || Date.now() - lastSign > patienceMs) throw error;
        await sleep(pauseMs);
        pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      }
    }
  };
  follow().catch((error: unknown) => {
    state.failure = error as TracewrightError;
    onChange();
  });
  return {
    items,
    get synced() {
      return state.synced;
    },
    get failure() {
      return state.failure;
    },
    stop,
  };
}

/**
 * The answer will be the same tomorrow: no such resource, not allowed, not well formed. A bug of ours is one as well.
 */
function isRefusal(error: unknown): boolean {
  if (error instanceof ApiError) return error.status >= 400 && error.status < 500 && error.status !== 429;
  return !(error instanceof TracewrightError) || !error.retryable;
}

type Selectors = Pick<WatchOptions, 'path' | 'fieldSelector' | 'labelSelector' | 'headers'>;

async function list<T extends { readonly metadata: ObjectMeta }>(
  kube: Kubernetes,
  { path, headers, ...query }: Selectors,
  signal: AbortSignal,
  items: Map<string, T>,
): Promise<string> {
  // Version 0: whatever the server has in its cache; cheap, and the watch catches up.
  const answer = await kube.json<ObjectList<T>>({
    path,
    headers,
    query: { ...query, resourceVersion: '0' },
    timeoutMs: 10_000,
    signal,
  });
  items.clear();
  for (const item of answer.items ?? []) items.set(keyOf(path, item), item);
  return (answer.metadata as { resourceVersion?: string } | undefined)?.resourceVersion ?? '0';
}

/** One watch until the server ends it. @returns the version to go on from */
async function watchOnce<T extends { readonly metadata: ObjectMeta }>(
  kube: Kubernetes,
  { path, headers, ...selectors }: Selectors,
  signal: AbortSignal,
  from: string,
  { items, onChange, onSign }: { items: Map<string, T>; onChange: () => void; onSign: () => void },
): Promise<string> {
  const query = {
    ...selectors,
    watch: true,
    allowWatchBookmarks: true,
    resourceVersion: from,
    timeoutSeconds: watchSeconds,
  };
  const stream = await kube.stream({ path, headers, query, timeoutMs: 10_000, silenceMs, signal });
  let version = from;
  try {
    for await (const line of linesOf(stream)) {
      const event = parseAnswer(kube.serverUrl, `watch ${path}`, line);
      const { type, object } = event as unknown as WatchEvent<T>;
      if (type === 'ERROR') throw new ApiError(`watch ${path}`, object.code ?? 500, object);
      version = object.metadata.resourceVersion ?? version;
      if (type === 'BOOKMARK') continue;
      if (type === 'DELETED') items.delete(keyOf(path, object));
      else items.set(keyOf(path, object), object);
      onChange();
    }
  } catch (error) {
    // What is no answer of the server is the end of the connection; anything but that would be our own mistake.
    throw error instanceof TracewrightError ? error : unreachable(kube.serverUrl, error, signal);
  } finally {
    // It lived until now: patience begins here, not when the watch was opened.
    onSign();
    stream.destroy();
  }
  return version;
}

function keyOf(path: string, { metadata }: { readonly metadata: ObjectMeta }): string {
  return metadata.namespace === undefined || path.includes('/namespaces/')
    ? metadata.name
    : `${metadata.namespace}/${metadata.name}`;
}
