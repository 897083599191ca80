import { z } from 'zod';
import { type FailureType, failureTypes } from '../../domain/failure.js';
import { seatPhases } from '../../domain/fleet.js';
import { phases, stepStates } from '../../domain/progress.js';
import { targetKinds } from '../../domain/stack.js';

const moment = z.number().describe('milliseconds since the epoch');
const common = { at: moment, environment: z.string() };

const failure = z.object({
  type: z.enum(Object.keys(failureTypes) as [FailureType, ...FailureType[]]),
  message: z.string().describe('what happened, where and why'),
  remedy: z.string().describe('what to do about it'),
  retryable: z.boolean(),
  evidence: z.array(z.string()).optional().describe('pod events, last lines of the tool, paths of logs'),
  attempts: z.number().optional().describe('how often the step had been tried'),
});

const environmentEvent = z
  .object({
    event: z.literal('environment'),
    ...common,
    phase: z.enum(phases),
    place: z.number().optional().describe('while it is `Queued`: how many come before it, and 1'),
    paused: z.boolean().describe('no new step starts until `resume`'),
    stack: z.string(),
    target: z.enum(targetKinds),
    run: z.number().describe('counts the runs of the plan'),
  })
  .describe('The environment as it is: the first event, and again whenever one of these fields has changed.');

const stepEvent = z
  .object({
    event: z.literal('step'),
    ...common,
    step: z.string(),
    state: z.enum(stepStates),
    startedAt: moment.optional(),
    endedAt: moment.optional(),
    outcome: z.string().optional().describe('what it did: `installed, revision 1`'),
    failure: failure.optional().describe('why it is blocked or failed, or what blocked it before'),
  })
  .describe('The state of a step: of every step at first, then whenever one has changed.');

const activityEvent = z
  .object({
    event: z.literal('activity'),
    ...common,
    step: z.string(),
    text: z.string().describe('what the step does now: `pulling image grafana/tempo:2.0.0`; may be empty'),
    percent: z.number().optional().describe('0 to 100, where it is known'),
    attempt: z.number().describe('1 for the first'),
    lastFailure: z.string().optional().describe('why the last attempt failed'),
    nextAttemptAt: moment.optional().describe('when the next attempt begins, while it is waited for'),
    waits: z.literal(true).optional().describe('no worker has taken the step yet'),
  })
  .describe('What a running step does now, whenever it has changed.');

const endEvent = z
  .object({
    event: z.literal('end'),
    ...common,
    phase: z.enum(phases),
    exitCode: z.number().describe('of the command'),
    stoppedBecause: z.string().optional(),
    installTraceId: z
      .string()
      .optional()
      .describe('of the trace of the latest install, where the store has it'),
    proof: z
      .object({
        traceId: z.string(),
        spans: z.number(),
        services: z.record(z.string(), z.number()).describe('spans by service'),
        traceDurationMs: z.number(),
        tookMs: z.number().describe('from the ride to the last check'),
      })
      .optional(),
  })
  .describe(
    'The last event, once nothing happens any more. It is missing when the command is left or fails by itself: then standard error says why.',
  );

const seatEvent = z
  .object({
    event: z.literal('seat'),
    ...common,
    fleet: z.string(),
    phase: z.enum(seatPhases),
    rests: z.boolean().describe('it has done, or refused, what it was told last'),
    step: z.string().optional().describe('what runs, or is blocked'),
    place: z.number().optional().describe('while it is `Queued`: how many come before it, and 1'),
    queuedSince: moment.optional(),
    startedAt: moment.optional().describe('of the last install, verification or teardown'),
    endedAt: moment.optional(),
    why: z.string().optional().describe('why it is not as it should be'),
  })
  .describe('A seat of a fleet: of every seat at first, then whenever one has changed.');

const fleetEndEvent = z
  .object({
    event: z.literal('fleet-end'),
    at: moment,
    fleet: z.string(),
    exitCode: z.number().describe('of the command'),
    phases: z.partialRecord(z.enum(seatPhases), z.number()).describe('how many seats are in each'),
  })
  .describe('The last event of a fleet, once nothing happens in it any more; missing as `end` is.');

/** One line of `--json`. docs/reference/events.md describes it; fields may be added, never renamed. */
export const eventSchema = z.discriminatedUnion('event', [
  environmentEvent,
  stepEvent,
  activityEvent,
  endEvent,
  seatEvent,
  fleetEndEvent,
]);

export type CliEvent = z.infer<typeof eventSchema>;
export type EnvironmentEvent = z.infer<typeof environmentEvent>;
export type StepEvent = z.infer<typeof stepEvent>;
export type ActivityEvent = z.infer<typeof activityEvent>;
export type SeatEvent = z.infer<typeof seatEvent>;
export type FleetEndEvent = z.infer<typeof fleetEndEvent>;
export type EndEvent = z.infer<typeof endEvent>;

/** The JSON Schema (draft 7) of one line of `--json`. */
export function eventJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(eventSchema, { target: 'draft-7' });
  return { ...schema, title: 'An event of Tracewright' };
}
