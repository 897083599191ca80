import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { EnvironmentSpec, Progress } from '../domain/progress.js';

/** The run of the plan that a request started or joined; `progress.run` tells when it is its turn. */
export interface RunTicket {
  readonly run: number;
}

export interface ApplyArguments {
  readonly spec: EnvironmentSpec;
}

export interface StepDecision {
  readonly step: string;
}

/** All that an environment knows about itself, at any time. */
export const progressQuery = defineQuery<Progress>('progress');

/** Take everything away. Works at any moment; a second one changes nothing. */
export const teardownSignal = defineSignal('teardown');

/**
 * Make the environment what the spec says: installs, goes on after a block (all blocked steps are tried again),
 * or runs the whole plan once more, in which every step observes first and changes only what differs.
 */
export const applyUpdate = defineUpdate<RunTicket, [ApplyArguments]>('apply');

/** Prove again that a Ready environment works. */
export const verifyUpdate = defineUpdate<RunTicket>('verify');

/** Try a blocked step again. */
export const retryUpdate = defineUpdate<RunTicket, [StepDecision]>('retry');

/** Go on without a blocked step. */
export const skipUpdate = defineUpdate<RunTicket, [StepDecision]>('skip');

/** Stop the running plan; what is installed stays. */
export const abortUpdate = defineUpdate<RunTicket>('abort');
