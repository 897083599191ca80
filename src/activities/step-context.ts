import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { failureTypes, isTracewrightError, toFailure, type Failure } from '../domain/failure.js';
import type { LiveDetail } from '../domain/progress.js';
import { deadlineIn, usableMs, type Deadline } from '../domain/time-limits.js';
import type { ProcessIdentity } from '../tools/process-identity.js';
import { redact } from '../tools/redact.js';
import { sharedSignal } from '../tools/shared-signal.js';

/** Half of this comes to the server: worker.ts limits the throttle to a second as well. */
const heartbeatIntervalMs = 1_000;

/** What an attempt leaves to the next one, should it die: what it did, and the programs that it may leave running. */
export interface HeartbeatDetails {
  readonly live: LiveDetail;
  readonly processes: readonly ProcessIdentity[];
}

/** What the work of a step gets from its surroundings. */
export interface StepContext {
  /** Tells people what goes on. */
  readonly report: (text: string, percent?: number, hops?: LiveDetail['hops']) => void;
  /** What a dead attempt may have left running, by its heartbeat. */
  readonly survivors: readonly ProcessIdentity[];
  /** Notes which programs must not survive this attempt. */
  readonly noteProcesses: (processes: readonly ProcessIdentity[]) => void;
  /** Aborted by a teardown, an abort, or the end of the worker. */
  readonly signal: AbortSignal;
  readonly attempt: number;
  /** Before the server's own: what waits ends by it, with a failure that says for what. */
  readonly deadline: Deadline;
}

/**
 * Makes an activity of the work of a step: it heartbeats from beginning to end and turns every error into one that says
 * whether to try again. Work that starts programs goes through `withToolsOf`.
 */
export function asActivity<I, O>(work: (task: I, step: StepContext) => Promise<O>): (task: I) => Promise<O> {
  return async (task) => {
    const context = Context.current();
    const { step, stop } = beat(context);
    try {
      return withoutSecrets(await work(task, step));
    } catch (error) {
      throw toActivityError(error, context);
    } finally {
      stop();
    }
  };
}

/** What a step did may quote helm or a pod, and goes into the history. */
function withoutSecrets<O>(result: O): O {
  const { outcome } = (result ?? {}) as { outcome?: unknown };
  return typeof outcome === 'string' ? { ...result, outcome: redact(outcome) } : result;
}

function beat(context: Context): { step: StepContext; stop: () => void } {
  let live: LiveDetail = { text: 'starting' };
  const survivors = (context.info.heartbeatDetails as HeartbeatDetails | undefined)?.processes ?? [];
  // What a dead attempt left behind stays on the list: this attempt may die before it has ended them.
  let processes = survivors;
  const send = (): void => {
    context.heartbeat({ live, processes } satisfies HeartbeatDetails);
  };
  const timer = setInterval(send, heartbeatIntervalMs);
  const step: StepContext = {
    report: (text, percent, hops) => {
      live = {
        text: redact(text),
        ...(percent !== undefined && { percent }),
        ...(hops && { hops: hops.map((hop) => ({ ...hop, text: redact(hop.text) })) }),
      };
      send();
    },
    survivors,
    noteProcesses: (running) => {
      processes = running;
      send();
    },
    signal: sharedSignal(context.cancellationSignal),
    attempt: context.info.attempt,
    deadline: deadlineIn(usableMs(context.info.startToCloseTimeoutMs)),
  };
  return {
    step,
    stop: () => {
      clearInterval(timer);
    },
  };
}

function toActivityError(error: unknown, context: Context): Error {
  if (context.cancellationSignal.aborted) {
    if (context.cancellationDetails?.cancelRequested)
      return new CancelledFailure('the step was cancelled', [], asError(error));
    return applicationFailure({ ...whyStopped(context), retryable: true }, context.info.attempt);
  }
  if (!isTracewrightError(error)) context.log.error('unexpected error', { error });
  const nextRetryDelay = isTracewrightError(error) ? error.retryAfterMs : undefined;
  return applicationFailure(toFailure(error), context.info.attempt, nextRetryDelay);
}

/** Of an attempt that ended in the middle, and that another one follows. */
function whyStopped({ cancellationDetails, info }: Context): Pick<Failure, 'type' | 'message' | 'remedy'> {
  if (cancellationDetails?.paused)
    return {
      type: 'step.held',
      message: 'An operator has paused this step in Temporal; `temporal activity unpause` lets it go on.',
      remedy: `Ask who paused it, or let it go on: temporal activity unpause --workflow-id ${info.workflowExecution?.workflowId ?? ''} --activity-id ${info.activityId}`,
    };
  if (cancellationDetails?.reset)
    return {
      type: 'step.reset',
      message: 'An operator has reset this step in Temporal.',
      remedy: 'Nothing: it begins anew.',
    };
  return {
    type: 'worker.shutdown',
    message: 'The worker was stopped in the middle of the step.',
    remedy: 'Nothing: the next worker goes on with it. `tracewright up` starts one.',
  };
}

/** @param nextRetryDelay in milliseconds @default what the step's retry policy says */
function applicationFailure(failure: Failure, attempt: number, nextRetryDelay?: number): ApplicationFailure {
  const clean = redactFailure(failure);
  return ApplicationFailure.create({
    type: clean.type,
    message: clean.message,
    nonRetryable: !clean.retryable || attempt >= failureTypes[clean.type].attempts,
    details: [{ ...clean, attempts: attempt }],
    ...(nextRetryDelay !== undefined && { nextRetryDelay }),
  });
}

function redactFailure(failure: Failure): Failure {
  return {
    ...failure,
    message: redact(failure.message),
    remedy: redact(failure.remedy),
    ...(failure.evidence && { evidence: failure.evidence.map((line) => redact(line)) }),
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? new Error(redact(error.message)) : new Error(redact(String(error)));
}
