import type { Progress, StepProgress } from '../../domain/progress.js';
import type { LiveStep, Snapshot, View } from '../follow.js';
import type { ActivityEvent, CliEvent, EndEvent, EnvironmentEvent, StepEvent } from './event-schema.js';
import { isRunning } from './step-text.js';

/** Newline-delimited JSON: an object for each event, as docs/reference/events.md describes them. */
export function createJsonView(print: (line: string) => void): View {
  let last: Snapshot | undefined;
  return {
    show: (snapshot) => {
      for (const event of eventsBetween(last, snapshot, Date.now())) print(JSON.stringify(event));
      last = snapshot;
    },
    end: (progress, exitCode) => {
      if (progress && exitCode !== undefined) print(JSON.stringify(endEvent(progress, exitCode, Date.now())));
    },
  };
}

/**
 * What has happened between two looks; without an earlier one, all that there is.
 * @param at milliseconds since the epoch, of the later look
 */
function eventsBetween(before: Snapshot | undefined, after: Snapshot, at: number): CliEvent[] {
  const { progress, live } = after;
  const known = new Map(before?.progress.steps.map((step) => [step.name, step]));
  const common = { at, environment: progress.environment };
  const events: CliEvent[] = [];
  const add = (earlier: CliEvent | undefined, event: CliEvent): void => {
    if (!earlier || JSON.stringify(earlier) !== JSON.stringify(event)) events.push(event);
  };
  add(before && environmentEvent(common, before.progress), environmentEvent(common, progress));
  for (const step of progress.steps) {
    const earlier = known.get(step.name);
    add(earlier && stepEvent(common, earlier), stepEvent(common, step));
    const now = live.get(step.name);
    const then = before?.live.get(step.name);
    const same = earlier?.startedAt === step.startedAt && then;
    if (now && isRunning(step))
      add(same ? activityEvent(common, step, then) : undefined, activityEvent(common, step, now));
  }
  return events;
}

/** The last event. */
function endEvent(progress: Progress, exitCode: number, at: number): EndEvent {
  const { environment, phase, stoppedBecause, proof, installTraceId } = progress;
  return {
    event: 'end',
    at,
    environment,
    phase,
    exitCode,
    ...(stoppedBecause !== undefined && { stoppedBecause }),
    ...(installTraceId !== undefined && { installTraceId }),
    ...(proof && {
      proof: {
        traceId: proof.traceId,
        spans: proof.spans,
        services: { ...proof.services },
        traceDurationMs: proof.traceDurationMs,
        tookMs: proof.tookMs,
      },
    }),
  };
}

type Common = Pick<EnvironmentEvent, 'at' | 'environment'>;

function environmentEvent(common: Common, progress: Progress): EnvironmentEvent {
  const { phase, place, paused = false, stack, target, run } = progress;
  const queue = place === undefined ? {} : { place };
  return { event: 'environment', ...common, phase, ...queue, paused, stack, target, run };
}

function stepEvent(common: Common, step: StepProgress): StepEvent {
  const { name, state, startedAt, endedAt, outcome, failure } = step;
  return {
    event: 'step',
    ...common,
    step: name,
    state,
    ...(startedAt !== undefined && { startedAt }),
    ...(endedAt !== undefined && { endedAt }),
    ...(outcome !== undefined && { outcome }),
    ...(failure && {
      failure: {
        type: failure.type,
        message: failure.message,
        remedy: failure.remedy,
        retryable: failure.retryable,
        ...(failure.evidence && { evidence: [...failure.evidence] }),
        ...(failure.attempts !== undefined && { attempts: failure.attempts }),
      },
    }),
  };
}

function activityEvent(common: Common, { name }: StepProgress, live: LiveStep): ActivityEvent {
  const { hops: _, ...told } = live;
  return { event: 'activity', ...common, step: name, ...told };
}
