import type { StepAttempt, ToolCall } from '../domain/step-attempt.js';
import { nanoseconds, spanIdDigits, traceOf, type RawSpan, type Trace } from '../domain/trace.js';
import type { ActivityRun, InstallRun } from './history.js';

/** Of all spans but those of the tools. */
const ownService = 'tracewright';

/** The trace of an install. @param now see `installSpans` */
export function installTrace(run: InstallRun, now: number): Trace {
  const trace = traceOf(run.traceId, installSpans(run, now));
  if (!trace) throw new Error('An install has at least a span of its own.');
  return trace;
}

/**
 * The spans of an install: the run of the plan, its steps, their attempts and waits for a slot or a decision, and what the
 * attempts called. The same history has the same spans, ids included, whoever makes them.
 * @param now where what has not ended is cut off, in milliseconds since the epoch
 */
export function installSpans(run: InstallRun, now: number): RawSpan[] {
  const { eventId, kind, stack, environment, target, startedAt, endedAt = now, end } = run;
  const stopped = end !== undefined && end !== 'Ready';
  const root = spanOf(spanId(eventId), `${kind} ${stack}`, {
    startedAt,
    endedAt,
    attributes: { environment, stack, target },
    ...(stopped && { error: `the environment was ${end} at its end` }),
  });
  const names = [...new Set(run.activities.map(({ step }) => step))];
  const steps = names.map((name) => run.activities.filter(({ step }) => step === name));
  const waits = run.queues.map((queue) =>
    spanOf(spanId(queue.eventId), 'wait for a slot of the machine', {
      parentId: root.id,
      startedAt: queue.startedAt,
      endedAt: queue.endedAt ?? endedAt,
      attributes: {},
    }),
  );
  return [root, ...waits, ...steps.flatMap((activities) => stepSpans(root.id, activities, endedAt))];
}

function stepSpans(parentId: string, activities: readonly ActivityRun[], now: number): RawSpan[] {
  const [first] = activities;
  const last = activities.at(-1);
  if (!first || !last) return [];
  const { step, title } = first;
  const { state, failure, outcome } = last;
  const own = spanOf(spanId(first.eventId), step, {
    parentId,
    startedAt: first.scheduledAt,
    endedAt: last.endedAt ?? now,
    attributes: { title, state, ...(outcome !== undefined && { outcome }) },
    ...((state === 'failed' || state === 'timed-out') && { error: failure ?? state }),
  });
  const waits = activities.slice(1).map(({ eventId, scheduledAt }, index) =>
    spanOf(spanId(eventId), 'wait for a decision', {
      parentId: own.id,
      startedAt: activities[index]?.endedAt ?? scheduledAt,
      endedAt: scheduledAt,
      attributes: {},
    }),
  );
  return [own, ...waits, ...activities.flatMap((activity) => attemptSpans(own.id, activity))];
}

function attemptSpans(parentId: string, activity: ActivityRun): RawSpan[] {
  const attempts = activity.attempts.length > 0 ? activity.attempts : attemptsByHistory(activity);
  return attempts.flatMap(({ attempt, startedAt, endedAt, failure, calls }, index) => {
    const isLast = index === attempts.length - 1;
    const cancelled = failure === 'step.cancelled';
    const error = failure ?? (isLast && activity.state !== 'timed-out' ? undefined : 'the worker was lost');
    const own = spanOf(spanId(activity.eventId, attempt), `attempt ${String(attempt)}`, {
      parentId,
      startedAt,
      endedAt,
      attributes: { ...(failure !== undefined && { failure }) },
      ...(!cancelled && error !== undefined && { error }),
    });
    return [own, ...calls.map((call, place) => callSpan(own.id, activity, attempt, place, call))];
  });
}

/** What is known of attempts that told nothing: the last one, and why the one before it failed. */
function attemptsByHistory({
  attempt,
  scheduledAt,
  startedAt,
  endedAt,
  lastFailure,
  failure,
}: ActivityRun): StepAttempt[] {
  if (startedAt === undefined || endedAt === undefined) return [];
  const common = { calls: [] };
  const before = { attempt: attempt - 1, startedAt: scheduledAt, endedAt: startedAt, ...common };
  return [
    ...(attempt > 1 ? [{ ...before, ...(lastFailure !== undefined && { failure: lastFailure }) }] : []),
    { attempt, startedAt, endedAt, ...(failure !== undefined && { failure }), ...common },
  ];
}

function callSpan(
  parentId: string,
  { eventId }: ActivityRun,
  attempt: number,
  place: number,
  { tool, name, startedAt, endedAt, error }: ToolCall,
): RawSpan {
  return {
    ...spanOf(spanId(eventId, attempt, place + 1), name === '' ? tool : name, {
      parentId,
      startedAt,
      endedAt,
      attributes: {},
      ...(error !== undefined && { error }),
    }),
    service: tool,
    kind: 'client',
  };
}

interface SpanFacts {
  readonly parentId?: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly error?: string;
}

function spanOf(id: string, name: string, facts: SpanFacts): RawSpan {
  const { parentId, startedAt, endedAt, attributes, error } = facts;
  return {
    id,
    ...(parentId !== undefined && { parentId }),
    service: ownService,
    name,
    kind: 'internal',
    startNs: nanoseconds(startedAt),
    endNs: nanoseconds(Math.max(startedAt, endedAt)),
    status: error === undefined ? 'ok' : 'error',
    ...(error !== undefined && { error }),
    attributes: Object.fromEntries(
      Object.entries(attributes).map(([key, value]) => [`tracewright.${key}`, value]),
    ),
  };
}

/** Unique in its trace: the event, which has at most 51,200 others beside it, the attempt, and the place of a call in it. */
function spanId(eventId: number, attempt = 0, call = 0): string {
  const id = (BigInt(eventId) << 32n) | (BigInt(attempt) << 12n) | BigInt(call);
  return id.toString(16).padStart(spanIdDigits, '0');
}
