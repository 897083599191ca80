import type { Pod, Workload } from '../objects.js';

export type WorkloadKind = 'Deployment' | 'StatefulSet' | 'DaemonSet';

export interface RolloutState {
  readonly done: boolean;
  /** What is missing, such as `pods 2/3`. */
  readonly text: string;
  /** The controller has seen the newest version of the object, so its pods speak for that version. */
  readonly current: boolean;
}

/** How far the rollout is, by the rules of `kubectl rollout status`: all pods of the newest template, all available. */
export function rolloutState(kind: WorkloadKind, workload: Workload | undefined): RolloutState {
  if (!workload) return { done: false, text: 'does not exist yet', current: false };
  const { metadata, status = {} } = workload;
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
    return { done: false, text: 'waiting for its controller', current: false };
  }
  const { wanted, updated, ready, old } = counts(kind, workload);
  const failure = status.conditions?.find(
    ({ type, status: is }) => type === 'ReplicaFailure' && is === 'True',
  );
  if (failure && updated < wanted) {
    return {
      done: false,
      text: `its pods cannot be made: ${failure.message ?? String(failure.reason)}`,
      current: true,
    };
  }
  if (updated < wanted)
    return {
      done: false,
      text: `pods ${String(ready)}/${String(wanted)}, ${String(updated)} updated`,
      current: true,
    };
  if (old > 0)
    return { done: false, text: `${String(old)} old pod${old === 1 ? '' : 's'} still there`, current: true };
  return { done: ready >= wanted, text: `pods ${String(ready)}/${String(wanted)}`, current: true };
}

function counts(
  kind: WorkloadKind,
  { spec, status = {} }: Workload,
): { wanted: number; updated: number; ready: number; old: number } {
  if (kind === 'DaemonSet') {
    const wanted = status.desiredNumberScheduled ?? 0;
    return {
      wanted,
      updated: status.updatedNumberScheduled ?? 0,
      ready: status.numberAvailable ?? 0,
      old: 0,
    };
  }
  const wanted = spec.replicas ?? 1;
  const updated = status.updatedReplicas ?? 0;
  const ready = (kind === 'Deployment' ? status.availableReplicas : status.readyReplicas) ?? 0;
  return {
    wanted,
    updated,
    ready: Math.min(ready, wanted),
    old: Math.max(0, (status.replicas ?? 0) - Math.max(updated, wanted)),
  };
}

/** What has crashed must run for so long before it counts as ready, in milliseconds. */
const trialMs = 10_000;

/**
 * A container without a readiness probe counts as ready whenever it runs, between two crashes, too. This looks how long
 * those that have crashed have been running: by the clock of their node, or by ours since we first saw them.
 */
export function crashStability(now: () => number = Date.now): {
  /** Which container has not proved itself yet, in words; `undefined` when all have. */
  unstableReason: (pods: readonly Pod[]) => string | undefined;
} {
  const seen = new Map<string, number>();
  return {
    unstableReason(pods) {
      for (const { metadata, status } of pods)
        for (const { name, restartCount = 0, state } of status?.containerStatuses ?? []) {
          if (restartCount === 0 || !state?.running) continue;
          const key = [metadata.uid ?? metadata.name, name, restartCount].join(' ');
          const first = seen.get(key) ?? now();
          seen.set(key, first);
          const started = Date.parse(state.running.startedAt ?? '') || first;
          if (now() - Math.min(started, first) < trialMs)
            return `container ${name} has crashed ${String(restartCount)}×, and runs for less than ${String(trialMs / 1000)} s`;
        }
      return undefined;
    },
  };
}
