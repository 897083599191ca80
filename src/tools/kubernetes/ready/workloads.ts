import type { Workload } from '../objects.js';

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
