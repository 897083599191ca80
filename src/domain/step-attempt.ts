import { failureTypes, isFailureType, type FailureType } from './failure.js';

/**
 * What the attempts of a step did, and when: the install's own trace is made of it. It travels in results, failures and
 * heartbeats of activities. Part of the wire: add fields, never rename them. Times are milliseconds since the epoch.
 */
export interface StepAttempt {
  /** 1 for the first. */
  readonly attempt: number;
  readonly startedAt: number;
  /** Of an attempt that died, or that runs: when it was last heard of. */
  readonly endedAt: number;
  /** The type of the failure that ended it; absent where none did, or it died without a word. */
  readonly failure?: string;
  readonly calls: readonly ToolCall[];
}

/** Something that an attempt waited for. */
export interface ToolCall {
  /** Who did it: `helm`, `go`, `k3d`, `kubernetes`, `images`, `proof`. The service of its span. */
  readonly tool: string;
  /** What it did, without options and their values, which may be secret: `upgrade tempo`. */
  readonly name: string;
  readonly startedAt: number;
  readonly endedAt: number;
  /** Why it failed, in few words: `exit code 1`. Absent where it did not. */
  readonly error?: string;
}

/** What carries attempts: the result of a step, a detail of its failure or cancellation, a heartbeat. */
export interface WithAttempts {
  readonly attempts: readonly StepAttempt[];
}

/**
 * How many attempts count when a failure of that type is to be tried again: those that ended with one that is tried no more
 * often. One that was cut short from outside, by a killed worker or an operator, says nothing about the next; nor does an API
 * server that was away say anything about the proof that was to follow.
 */
export function failuresTowards(type: FailureType, attempts: readonly StepAttempt[]): number {
  const limit = failureTypes[type].attempts;
  return attempts.filter(({ failure }) => isFailureType(failure) && failureTypes[failure].attempts <= limit)
    .length;
}

/** As many are kept of a step, and of an attempt; a cold build of the embedded cluster has about 40 calls. */
export const mostAttempts = 20;
export const mostCalls = 80;

/** Whether it carries attempts: what came out of a history may have been written by a version that knew none. */
export function carriesAttempts(value: unknown): value is WithAttempts {
  return Array.isArray((value as Partial<WithAttempts> | null | undefined)?.attempts);
}
