import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { isTracewrightError, TracewrightError } from '../domain/failure.js';
import type { LiveDetail, Progress, StepState } from '../domain/progress.js';
import { decodeRaw } from '../temporal/payloads/data-converter.js';
import { grpcCodeOf, grpcStatus, isPassingOutage } from '../temporal/grpc-status.js';
import type { CliContext, ExitCode } from './context.js';
import { describeEnvironment, queryProgress } from './environments.js';
import { Patience } from './patience.js';
import type { LastingSession, Session } from './session.js';

/** What a running step does at the moment. */
export interface LiveStep extends LiveDetail {
  /** 1 for the first. */
  readonly attempt: number;
  /** Why the last attempt failed, while the next one waits or runs. */
  readonly lastFailure?: string;
  /** When the next attempt begins, while it is waited for; milliseconds since the epoch. */
  readonly nextAttemptAt?: number;
  /** No worker has taken it yet. */
  readonly waits?: true;
}

/** An environment at one moment. */
export interface Snapshot {
  readonly progress: Progress;
  /** By the name of the step. */
  readonly live: ReadonlyMap<string, LiveStep>;
}

/**
 * Between two looks, in milliseconds: the longer no step has got on, the more. Two looks a second kept a twelfth of two
 * cores busy, which the build of the embedded cluster needs for minutes.
 */
const [shortestMs, longestMs] = [500, 2_000];

const unended: readonly StepState[] = ['pending', 'running', 'removing'];

/** With the last step the command ends, and somebody waits for that. */
const shortestAtTheEndMs = 100;

/**
 * @param sinceMs for how long no step has got on; after a minute the longest pause is reached
 * @param left steps that have not ended
 */
export function pauseMs(sinceMs: number, left: number): number {
  return Math.min(longestMs, Math.max(left <= 1 ? shortestAtTheEndMs : shortestMs, sinceMs / 30));
}

/**
 * Looks at an environment again and again until `until` holds or the signal fires, and yields what it saw each time,
 * the last one included.
 * @throws TracewrightError `temporal.unreachable` when the server or the worker has died, and what `look` throws
 */
export async function* follow(
  { client, isAlive }: Pick<Session, 'client' | 'isAlive'>,
  name: string,
  until: (progress: Progress) => boolean,
  signal: AbortSignal,
): AsyncGenerator<Snapshot> {
  const aborted = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve(undefined);
    });
  });
  let [seen, since] = ['', Date.now()];
  while (!signal.aborted) {
    // The client and the server would both wait patiently for whoever has died.
    if (!(await isAlive())) throw gone();
    // A look may hang for as long as its time limit: whoever leaves does not wait for it.
    const snapshot = await Promise.race([look(client, name), aborted]);
    if (!snapshot) return;
    yield snapshot;
    if (until(snapshot.progress)) return;
    const now = JSON.stringify(snapshot.progress);
    if (now !== seen) [seen, since] = [now, Date.now()];
    const left = snapshot.progress.steps.filter(({ state }) => unended.includes(state)).length;
    await sleep(pauseMs(Date.now() - since, left), undefined, { signal }).catch(() => undefined);
  }
}

/** PENDING_ACTIVITY_STATE_SCHEDULED of Temporal's API. */
const scheduled = 1;

/**
 * In milliseconds: a look takes about 20; without a worker the server would let a query wait for its own time limit.
 */
const lookTimeoutMs = 10_000;

/** The progress of the workflow together with what its running activities tell in their heartbeats. */
export async function look(client: Client, name: string): Promise<Snapshot> {
  const [progress, live] = await client.withDeadline(Date.now() + lookTimeoutMs, () =>
    Promise.allSettled([queryProgress(client, name), liveSteps(client, name)]),
  );
  // Only when both have ended: whoever closes the connection under a call that gRPC tries again crashes.
  // The history of an environment that nobody looks after any more still tells how well it once was.
  if (live.status === 'rejected' && isTracewrightError(live.reason)) throw live.reason;
  if (progress.status === 'rejected')
    throw isUnanswered(progress.reason) ? workerMissing(name, progress.reason) : progress.reason;
  if (live.status === 'rejected') throw live.reason;
  return { progress: progress.value, live: live.value };
}

/**
 * Queries are answered by a worker. Past the deadline none took it, and the call is cancelled on whichever side sees
 * that first; with a failed precondition the server has seen none for five minutes and does not even wait.
 */
function isUnanswered(error: unknown): boolean {
  const code = grpcCodeOf(error);
  return code !== undefined && unanswered.includes(code);
}

const unanswered: readonly number[] = [
  grpcStatus.deadlineExceeded,
  grpcStatus.cancelled,
  grpcStatus.failedPrecondition,
];

function workerMissing(name: string, cause: unknown): TracewrightError {
  return new TracewrightError({
    type: 'temporal.worker-missing',
    message: `The Temporal server answers, but no worker takes tasks for the environment "${name}".`,
    remedy: `Run \`tracewright up\` on the machine that holds it, or start a worker there with \`npm run worker\`.`,
    cause,
  });
}

async function liveSteps(client: Client, name: string): Promise<Map<string, LiveStep>> {
  const { raw } = await describeEnvironment(client, name);
  const steps = (raw.pendingActivities ?? []).map(
    async (activity) => [activity.activityId ?? '', await liveStep(client, activity)] as const,
  );
  return new Map(await Promise.all(steps));
}

type PendingActivity = temporal.api.workflow.v1.IPendingActivityInfo;

async function liveStep(client: Client, activity: PendingActivity): Promise<LiveStep> {
  const { heartbeatDetails, lastFailure: failure } = activity;
  const details = await decodeRaw(client, heartbeatDetails?.payloads?.slice(0, 1) ?? []);
  const [detail] = details as { live: LiveDetail }[];
  const attempt = activity.attempt ?? 1;
  // Where payloads are encrypted, the message is in one.
  const encoded = await decodeRaw(client, failure?.encodedAttributes ? [failure.encodedAttributes] : []);
  const lastFailure = (encoded as { message?: string }[])[0]?.message ?? failure?.message ?? '';
  const isScheduled = Number(activity.state) === scheduled;
  const next = isScheduled && attempt > 1 ? activity.nextAttemptScheduleTime : undefined;
  return {
    ...(detail?.live ?? { text: '' }),
    attempt,
    ...(lastFailure !== '' && { lastFailure }),
    ...(next && { nextAttemptAt: Number(next.seconds ?? 0) * 1_000 }),
    ...(isScheduled && !next && { waits: true as const }),
  };
}

function gone(): TracewrightError {
  return new TracewrightError({
    type: 'temporal.unreachable',
    message: 'The Temporal server or the worker of this machine has stopped.',
    remedy: 'Run the command again: it restarts them, and they pick up where they left off.',
  });
}

/** Whether nothing happens any more without a decision or a request. */
export function isSettled(progress: Progress): boolean {
  if (progress.steps.some((step) => step.state === 'running' || step.state === 'removing')) return false;
  return ['Ready', 'Blocked', 'Stopped', 'Removed'].includes(progress.phase);
}

/** Draws an environment while it changes. */
export interface View {
  show(snapshot: Snapshot): void;
  /** Something to say beside the environment, without spoiling what is drawn. @default the context's note */
  readonly note?: (line: string) => void;
  /** Called once, when nothing more will be shown; without arguments after a detachment or an error. */
  end(progress?: Progress, exitCode?: ExitCode): void;
}

interface Watched {
  /** The last one that was seen. */
  readonly progress: Progress | undefined;
  /** By Ctrl-C, or because nobody reads our output any more. */
  readonly detached: boolean;
}

export interface WatchOptions {
  /** The run of the plan to wait for: an earlier one may still be what the progress tells of at first. @default 0 */
  readonly fromRun?: number | undefined;
  /** How long nobody may answer, in milliseconds. @default seven minutes */
  readonly patienceMs?: number;
}

/**
 * Shows an environment until nothing happens any more, or until Ctrl-C. A Temporal server or worker that dies meanwhile
 * is started again, and the view goes on; for a worker of others it waits.
 */
export async function watch(
  { signal, note }: Pick<CliContext, 'signal' | 'note'>,
  session: LastingSession,
  name: string,
  view: View,
  { fromRun = 0, patienceMs }: WatchOptions = {},
): Promise<Watched> {
  let last: Progress | undefined;
  const patience = new Patience(patienceMs);
  let isLost = false;
  const say = view.note ?? note;
  const done = (progress: Progress): boolean => progress.run >= fromRun && isSettled(progress);
  for (;;) {
    try {
      if (isLost) await session.revive(patience.sayOnce(say));
      isLost = false;
      for await (const snapshot of follow(session, name, done, signal)) {
        patience.answered();
        last = snapshot.progress;
        if (last.run >= fromRun) view.show(snapshot);
      }
      return { progress: last, detached: signal.aborted };
    } catch (error) {
      if (signal.aborted) return { progress: last, detached: true };
      const waitsForOthers = isWorkerMissing(error) && !session.hasWorker && last !== undefined;
      if (!waitsForOthers && !isOutage(error, session)) throw error;
      if (waitsForOthers && patience.tries === 0)
        say('No worker answers at the moment; waiting for the next one.');
      isLost = !waitsForOthers;
      await patience.endure(error, signal);
    }
  }
}

function isOutage(error: unknown, { hasWorker }: Session): boolean {
  return isPassingOutage(error) || (isWorkerMissing(error) && hasWorker);
}

function isWorkerMissing(error: unknown): boolean {
  return isTracewrightError(error) && error.type === 'temporal.worker-missing';
}
