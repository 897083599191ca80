import { pullCause, type PullCause } from '../../../domain/pull-cause.js';
import type { ClusterEvent, ContainerStatus, Pod } from '../objects.js';

export type TroubleType =
  'ready.image-pull' | 'ready.crash-loop' | 'ready.out-of-memory' | 'ready.unschedulable';

/** A state of a pod that does not pass by waiting. */
export interface PodTrouble {
  readonly type: TroubleType;
  readonly container?: string;
  readonly image?: string;
  /** Why, in the words of the kubelet or the scheduler. */
  readonly reason: string;
  /** How long it must last before it counts, in milliseconds. */
  readonly patienceMs: number;
  /** Why the image cannot be pulled. */
  readonly pull?: PullCause;
  readonly restarts?: number;
}

/** Dependencies come up beside each other: a crash or two while one waits for another is no trouble. */
const toleratedRestarts = 2;
/** What used more memory than it may have will do so again: its first restart shows that. */
const toleratedOutOfMemory = 0;
const schedulerPatienceMs = 15_000;
/** The kubelet tries again after 10 and 20 s; a short outage of a registry ends within that. */
const registryPatienceMs = 30_000;
/** Long enough for the event with the registry's own words to arrive. */
const settleMs = 1_500;

/** In characters. */
const registryWords = 480;

const badImage = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
]);
/** A cluster autoscaler says with these that it is bringing a node for the pod. */
const nodeComing = new Set(['TriggeredScaleUp', 'Nominated']);

/** The trouble that the pod is in, if any. `events` are those of the pod. */
export function troubleOf(pod: Pod, events: readonly ClusterEvent[]): PodTrouble | undefined {
  for (const status of containersOf(pod)) {
    const trouble = imageTrouble(status, events) ?? crashTrouble(status);
    if (trouble) return trouble;
  }
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') return undefined;
  if (events.some(({ reason }) => nodeComing.has(reason ?? ''))) return undefined;
  return {
    type: 'ready.unschedulable',
    reason: scheduled.message ?? 'no reason given',
    patienceMs: schedulerPatienceMs,
  };
}

/** What the pod is busy with, for the progress line; `undefined` when it is ready. */
export function activityOf(pod: Pod, events: readonly ClusterEvent[]): string | undefined {
  if (pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'))
    return undefined;
  if (pod.status?.phase === 'Failed')
    return `pod failed: ${pod.status.reason ?? ''} ${pod.status.message ?? ''}`.trim();
  const statuses = containersOf(pod);
  const crashed = statuses.find(({ state, restartCount = 0 }) => restartCount > 0 && !state?.running);
  if (crashed) return `container ${crashed.name} crashed ${times(crashed.restartCount)} (${exitOf(crashed)})`;
  const refused = statuses.find(({ state }) => badImage.has(state?.waiting?.reason ?? ''));
  if (refused) return oneLine(`${String(refused.state?.waiting?.reason)}: ${wordsOn(refused, events)}`);
  const pulling = pullingImage(events);
  if (pulling !== undefined) return `pulling image ${pulling}`;
  const stuck = statuses.find(
    ({ state }) => state?.waiting?.message !== undefined && state.waiting.reason !== 'PodInitializing',
  );
  if (stuck) return `${String(stuck.state?.waiting?.reason)}: ${oneLine(stuck.state?.waiting?.message)}`;
  const mount = latest(
    events,
    ({ reason }) => reason === 'FailedMount' || reason === 'FailedCreatePodSandBox',
  );
  if (mount && statuses.every(({ state }) => !state?.running)) return oneLine(mount.message);
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False') return `not scheduled: ${oneLine(scheduled.message)}`;
  const probe = latest(events, ({ reason }) => reason === 'Unhealthy');
  if (probe && statuses.some(({ state, ready }) => state?.running && ready !== true))
    return oneLine(probe.message);
  return undefined;
}

function containersOf(pod: Pod): readonly ContainerStatus[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
}

function imageTrouble(status: ContainerStatus, events: readonly ClusterEvent[]): PodTrouble | undefined {
  const { name, image, state } = status;
  const waiting = state?.waiting;
  if (waiting?.reason === undefined || !badImage.has(waiting.reason)) return undefined;
  const reason = wordsOn(status, events);
  const pull = pullCause(`${waiting.reason}: ${reason}`, image);
  return {
    type: 'ready.image-pull',
    container: name,
    ...(image !== undefined && { image }),
    reason: oneLine(reason, registryWords),
    patienceMs: pull.limited || !pull.retryable ? settleMs : registryPatienceMs,
    pull,
  };
}

/** How containerd 1.6, and 1.7 on, put it that our own program, which stands for all registries, said something. */
const ownMirror =
  /^(?:pulling from host 127\.0\.0\.1:\d+ failed with status code \[[^\]]*\]|unexpected status from (?:HEAD|GET) request to http:\/\/127\.0\.0\.1:\S+): \d+ /u;

/**
 * What the registry says, in the words of the kubelet: without the name of the image, which comes three times, and
 * without the addresses of the node's own mirror.
 */
function wordsOn({ image = 'image', state }: ContainerStatus, events: readonly ClusterEvent[]): string {
  const { message, reason = '' } = state?.waiting ?? {};
  // "Back-off pulling image" says nothing; the event of the failed pull carries the registry's answer.
  const event = latest(
    events,
    // Several images of a pod may fail at once.
    (it) => it.reason === 'Failed' && (it.message ?? '').includes(`"${image}"`),
  );
  const text = [event?.message, message].find((it) => it !== undefined && !/^(Error: |Back-off)/u.test(it));
  const words = (text ?? message ?? reason).split(`"${image}": `).at(-1) ?? '';
  return words.replace(ownMirror, '');
}

function crashTrouble(status: ContainerStatus): PodTrouble | undefined {
  const { name, state, restartCount = 0 } = status;
  const outOfMemory = status.lastState?.terminated?.reason === 'OOMKilled';
  const tolerated = outOfMemory ? toleratedOutOfMemory : toleratedRestarts;
  if (state?.waiting?.reason !== 'CrashLoopBackOff' || restartCount <= tolerated) return undefined;
  return {
    type: outOfMemory ? 'ready.out-of-memory' : 'ready.crash-loop',
    container: name,
    reason: exitOf(status),
    patienceMs: settleMs,
    restarts: restartCount,
  };
}

function exitOf({ state, lastState }: ContainerStatus): string {
  const ended = state?.terminated ?? lastState?.terminated;
  if (!ended) return 'no exit code';
  if (ended.reason === 'OOMKilled') return 'killed because it used more memory than its limit (OOMKilled)';
  return `exit code ${String(ended.exitCode)}`;
}

function pullingImage(events: readonly ClusterEvent[]): string | undefined {
  const last = latest(
    events,
    ({ reason }) => reason === 'Pulling' || reason === 'Pulled' || reason === 'Failed',
  );
  if (last?.reason !== 'Pulling') return undefined;
  return /image "([^"]+)"/u.exec(last.message ?? '')?.[1];
}

/** The newest event that fits. */
export function latest(
  events: readonly ClusterEvent[],
  fits: (event: ClusterEvent) => boolean,
): ClusterEvent | undefined {
  return events.filter(fits).sort((a, b) => timeOf(b) - timeOf(a))[0];
}

/** When the event was last seen, in milliseconds since the epoch. */
export function timeOf({ lastTimestamp, eventTime, firstTimestamp, metadata }: ClusterEvent): number {
  return Date.parse(lastTimestamp ?? eventTime ?? firstTimestamp ?? metadata.creationTimestamp ?? '') || 0;
}

export function oneLine(text = '', length = 160): string {
  const line = text.replace(/\s+/gu, ' ').trim();
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}

function times(count = 0): string {
  return count === 1 ? 'once' : `${String(count)} times`;
}
