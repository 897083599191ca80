import type { ManifestsSpec, ReadyCheck } from '../../../domain/stack.js';
import type { Kubernetes } from '../connection.js';
import type { Pod } from '../objects.js';
import { cancelled } from '../transport.js';
import { rolloutTarget, startCheck, type RunningCheck } from './checks.js';
import { timeoutFailure, troubleFailure } from './failures.js';
import { activityOf, troubleOf, type PodTrouble } from './pods.js';
import { createTroubleClock, isOutdated } from './troubles.js';
import { viewNamespace, type NamespaceView } from './view.js';

export interface WaitReadyOptions {
  /** Of the component. */
  readonly namespace: string;
  readonly environment: string;
  readonly component: string;
  /** All must hold at the same time. */
  readonly checks: readonly ReadyCheck[];
  /** The manifests of a component, for `accepts`. */
  readonly objectsOf: (component: string) => ManifestsSpec;
  /** In milliseconds. */
  readonly timeoutMs: number;
  /** For people: `pods 2/3`, `pulling image grafana/tempo:2.0.0`. Called when the text changes. */
  readonly onProgress?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Returns when all checks hold. Driven by watches; only what cannot be watched is asked again and again.
 * @throws TracewrightError as soon as waiting is hopeless: `ready.image-pull`, `ready.crash-loop`,
 * `ready.out-of-memory`, `ready.unschedulable`, `manifest.rejected`; else `ready.timeout`, `cluster.unreachable`,
 * `step.cancelled`
 */
export async function waitReady(kube: Kubernetes, options: WaitReadyOptions): Promise<void> {
  const { namespace, checks, timeoutMs, onProgress, signal } = options;
  const stopper = new AbortController();
  const changes = createChanges(signal);
  const { onChange } = changes;
  const kinds = new Set(
    checks.flatMap((check) => ('rollout' in check ? [rolloutTarget(check.rollout).kind] : [])),
  );
  const view = viewNamespace(kube, { namespace, kinds, onChange });
  let begin: () => void = () => undefined;
  const rolledOut = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const running = checks.map((check) =>
    startCheck(check, { ...options, kube, view, onChange, rolledOut, signal: stopper.signal }),
  );
  const rollouts = running.filter((_, index) => 'rollout' in (checks[index] ?? {}));
  const clock = createTroubleClock();
  const deadline = Date.now() + timeoutMs;
  let told = '';
  try {
    for (;;) {
      changes.seen();
      if (signal?.aborted) throw cancelled();
      const failure = view.failure ?? running.find((check) => check.failure)?.failure;
      if (failure) throw failure;
      const open = running.filter((check) => !check.done);
      if (rollouts.every((check) => check.done)) begin();
      if (open.length === 0) return;
      const text = progressText(open, running.length, view);
      if (text !== told) onProgress?.(text);
      told = text;
      const { due, nextMs } = clock.look(view.synced ? troubles(open, view) : undefined);
      for (const { pod, trouble } of due) {
        if (!(await isOutdated(kube, pod, signal))) throw await troubleFailure(kube, pod, trouble);
      }
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) throw timeoutFailure({ open, view, namespace, timeoutMs });
      await changes.next(Math.min(leftMs, nextMs));
    }
  } finally {
    stopper.abort();
    view.stop();
  }
}

function troubles(open: readonly RunningCheck[], view: NamespaceView): { pod: Pod; trouble: PodTrouble }[] {
  return [...new Set(open.flatMap((check) => check.pods()))].flatMap((pod) => {
    const trouble = troubleOf(pod, view.eventsOf(pod.metadata.name));
    return trouble ? [{ pod, trouble }] : [];
  });
}

/** Of the first check that does not hold, with what its pods are busy with. */
function progressText(open: readonly RunningCheck[], count: number, view: NamespaceView): string {
  const [first] = open;
  if (!first) return '';
  const activity = first
    .pods()
    .map((pod) => activityOf(pod, view.eventsOf(pod.metadata.name)))
    .find((text) => text !== undefined);
  const text = activity === undefined ? first.text : `${first.text}, ${activity}`;
  return count > 1 && first.title.includes('/') && !first.title.startsWith('http')
    ? `${first.title.split('/')[1] ?? ''}: ${text}`
    : text;
}

interface Changes {
  readonly onChange: () => void;
  /** What comes from here on is new. */
  seen(): void;
  /** Resolves at once when something is new, else at the next change, after `ms`, or when the signal fires. */
  next(ms: number): Promise<void>;
}

function createChanges(signal: AbortSignal | undefined): Changes {
  let news = false;
  let wake: () => void = () => undefined;
  const onChange = (): void => {
    news = true;
    wake();
  };
  return {
    onChange,
    seen() {
      news = false;
    },
    async next(ms) {
      if (news) return;
      await new Promise<void>((resolve) => {
        const finish = (): void => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', finish);
          wake = () => undefined;
          // A list brings many changes in one turn: look once, after them all.
          setImmediate(resolve);
        };
        const timer = setTimeout(finish, ms);
        signal?.addEventListener('abort', finish, { once: true });
        wake = finish;
      });
    },
  };
}
