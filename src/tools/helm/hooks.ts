import type { TracewrightError } from '../../domain/failure.js';
import type { Kubernetes } from '../kubernetes/connection.js';
import type { ObjectMeta, Pod } from '../kubernetes/objects.js';
import { troubleFailure } from '../kubernetes/ready/failures.js';
import { activityOf, troubleOf } from '../kubernetes/ready/pods.js';
import { createTroubleClock } from '../kubernetes/ready/troubles.js';
import { viewNamespace } from '../kubernetes/ready/view.js';
import { watchCollection } from '../kubernetes/watch.js';

interface Job {
  readonly metadata: ObjectMeta;
  readonly status?: { readonly active?: number };
}

export interface HookWatch {
  /** Why no waiting helps a hook, as soon as that is so. */
  readonly failure: TracewrightError | undefined;
  stop(): void;
}

const lookMs = 1_000;

/**
 * Helm says nothing while it waits for the Jobs of a chart's hooks, and waits to the end of its time even when their
 * image cannot be pulled. This looks at them meanwhile: it tells what runs, and calls `onUnrecoverable` to end helm early.
 */
export function watchHooks(
  kube: Kubernetes,
  {
    namespace,
    onProgress,
    onUnrecoverable,
  }: { namespace: string; onProgress?: ((text: string) => void) | undefined; onUnrecoverable: () => void },
): HookWatch {
  const clock = createTroubleClock();
  const state: { failure: TracewrightError | undefined; told: string } = { failure: undefined, told: '' };
  const running = (): Job[] =>
    [...jobs.items.values()].filter(
      ({ metadata, status }) =>
        metadata.annotations?.['helm.sh/hook'] !== undefined && (status?.active ?? 0) > 0,
    );
  const podsOf = (all: readonly Job[]): readonly Pod[] =>
    all.flatMap(({ metadata }) => view.podsWith({ 'job-name': metadata.name }));

  const look = (): void => {
    if (!view.synced || state.failure) return;
    const active = running();
    const pods = podsOf(active);
    const [job] = active;
    const activity = pods
      .map((pod) => activityOf(pod, view.eventsOf(pod.metadata.name)))
      .find((text) => text !== undefined);
    const text = job
      ? `hook ${job.metadata.name} is running${activity === undefined ? '' : `, ${activity}`}`
      : '';
    if (text !== '' && text !== state.told) onProgress?.(text);
    state.told = text;
    const found = pods.flatMap((pod) => {
      const trouble = troubleOf(pod, view.eventsOf(pod.metadata.name));
      return trouble ? [{ pod, trouble }] : [];
    });
    const [due] = clock.look(found).due;
    if (due)
      void troubleFailure(kube, due.pod, due.trouble).then((failure) => {
        state.failure ??= failure;
        onUnrecoverable();
      });
  };
  const jobs = watchCollection<Job>(kube, {
    path: `/apis/batch/v1/namespaces/${namespace}/jobs`,
    onChange: () => {
      look();
    },
  });
  const view = viewNamespace(kube, {
    namespace,
    kinds: new Set(),
    onChange: () => {
      look();
    },
  });
  const timer = setInterval(look, lookMs);
  return {
    get failure() {
      return state.failure;
    },
    stop() {
      clearInterval(timer);
      jobs.stop();
      view.stop();
    },
  };
}
