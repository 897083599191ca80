import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { failureTypes, isTracewrightError, toFailure, type Failure } from '../domain/failure.js';
import type { LiveDetail } from '../domain/progress.js';
import { failuresTowards, type ToolCall, type WithAttempts } from '../domain/step-attempt.js';
import { deadlineIn, usableMs, type Deadline } from '../domain/time-limits.js';
import type { ProcessIdentity } from '../tools/process-identity.js';
import { redact } from '../tools/redact.js';
import { sharedSignal } from '../tools/shared-signal.js';
import { AttemptLog } from './attempt-log.js';

/** Half of this comes to the server: worker.ts limits the throttle to a second as well. */
const heartbeatIntervalMs = 1_000;

/** What an attempt leaves to the next one, should it die: what it did, and the programs that it may leave running. */
export interface HeartbeatDetails extends WithAttempts {
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
  /** Notes for the install's own trace what the attempt has waited for. */
  readonly note: (call: ToolCall) => void;
  /** Notes how long work takes, and whether it fails. */
  readonly timed: <T>(tool: string, name: string, work: () => Promise<T>) => Promise<T>;
  /** Notes which phase begins, of work that tells what it does. */
  readonly enter: (tool: string, text: string) => void;
  /** Aborted by a teardown, an abort, or the end of the worker. */
  readonly signal: AbortSignal;
  readonly attempt: number;
  /** Of this attempt, in milliseconds since the epoch. */
  readonly startedAt: number;
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
    const { step, attempts, fail, stop } = beat(context);
    try {
      return told(await work(task, step), attempts);
    } catch (error) {
      throw toActivityError(error, context, fail);
    } finally {
      stop();
    }
  };
}

/** What a step did may quote helm or a pod, and goes into the history; so does what its attempts did. */
function told<O>(result: O, attempts: () => WithAttempts): O {
  const { outcome } = (result ?? {}) as { outcome?: unknown };
  return typeof outcome === 'string' ? { ...result, outcome: redact(outcome), ...attempts() } : result;
}

interface Beating {
  readonly step: StepContext;
  readonly attempts: () => WithAttempts;
  /** Tells the next attempt how this one ended. */
  readonly fail: (type: string) => WithAttempts;
  readonly stop: () => void;
}

function beat(context: Context): Beating {
  let live: LiveDetail = { text: 'starting' };
  // A heartbeat of an earlier version knows less.
  const before = context.info.heartbeatDetails as Partial<HeartbeatDetails> | undefined;
  const log = new AttemptLog(context.info.attempt, before?.attempts ?? []);
  const survivors = before?.processes ?? [];
  // What a dead attempt left behind stays on the list: this attempt may die before it has ended them.
  let processes = survivors;
  const send = (attempts = log.list()): WithAttempts => {
    context.heartbeat({ live, processes, attempts } satisfies HeartbeatDetails);
    return { attempts };
  };
  const timer = setInterval(() => void send(), heartbeatIntervalMs);
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
    note: log.note,
    timed: log.timed,
    enter: log.enter,
    signal: sharedSignal(context.cancellationSignal),
    attempt: context.info.attempt,
    startedAt: log.startedAt,
    deadline: deadlineIn(usableMs(context.info.startToCloseTimeoutMs)),
  };
  return {
    step,
    attempts: () => ({ attempts: log.list() }),
    fail: (type) => send(log.list(type)),
    stop: () => {
      clearInterval(timer);
    },
  };
}

function toActivityError(error: unknown, context: Context, fail: Beating['fail']): Error {
  const { attempt } = context.info;
  const failed = (failure: Failure, nextRetryDelay?: number): ApplicationFailure =>
    applicationFailure(failure, { attempt, ...fail(failure.type) }, nextRetryDelay);
  if (context.cancellationSignal.aborted) {
    if (context.cancellationDetails?.cancelRequested)
      return new CancelledFailure('the step was cancelled', [fail('step.cancelled')], asError(error));
    return failed({ ...whyStopped(context), retryable: true });
  }
  if (!isTracewrightError(error)) context.log.error('unexpected error', { error });
  return failed(toFailure(error), isTracewrightError(error) ? error.retryAfterMs : undefined);
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

/**
 * @param attempts all of them, the one that failed as the last
 * @param nextRetryDelay in milliseconds @default what the step's retry policy says
 */
function applicationFailure(
  failure: Failure,
  { attempt, attempts }: WithAttempts & { readonly attempt: number },
  nextRetryDelay?: number,
): ApplicationFailure {
  const clean = redactFailure(failure);
  const nonRetryable =
    !clean.retryable || failuresTowards(clean.type, attempts) >= failureTypes[clean.type].attempts;
  return ApplicationFailure.create({
    type: clean.type,
    message: clean.message,
    nonRetryable,
    // The next attempt knows them by its heartbeat, and of a failure between two the server keeps 4 KiB only.
    details: [{ ...clean, attempts: attempt }, ...(nonRetryable ? [{ attempts }] : [])],
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
