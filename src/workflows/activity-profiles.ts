import { ActivityCancellationType, type ActivityOptions } from '@temporalio/workflow';
import { durationMs } from '../domain/duration.js';
import type { Step } from '../domain/plan.js';
import type { Stack } from '../domain/stack.js';

const minute = 60_000;

/** A worker that was killed is noticed after this time without a heartbeat; they come every second. */
const heartbeatTimeout = '12s';

/** Beyond a tool's own time limit, so that the tool's own, better error comes first. */
const grace = 2 * minute;

/** A machine that takes no task for so long is lost as far as the environment is concerned; a person decides. */
const scheduleToStartTimeout = '60s';

/**
 * What every step has in common. WAIT_CANCELLATION_COMPLETED: a teardown must not race a tool that still runs. No
 * `maximumAttempts`: a worker that is stopped or killed uses attempts up; how often a failure of its own is retried
 * is decided where it happens, by its type.
 */
const common = {
  heartbeatTimeout,
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '15s' },
} satisfies ActivityOptions;

/** The longest part is the first build of the embedded cluster: about 10 minutes on 2 cores. */
const clusterLimit = 60 * minute;
const verificationLimit = 5 * minute;

/** Time limits and retries of a step, on the queue of the machine that holds the cluster. */
export function stepProfile(step: Step, stack: Stack, taskQueue: string): ActivityOptions {
  const limit = attemptLimitMs(step, stack);
  return {
    ...common,
    taskQueue,
    scheduleToStartTimeout,
    startToCloseTimeout: limit + grace,
    scheduleToCloseTimeout: 4 * (limit + grace),
    activityId: step.name,
    summary: `${step.name}: ${step.title}`,
  };
}

/** `claimHost` is a question to whichever worker answers first. */
export const claimProfile: ActivityOptions = {
  startToCloseTimeout: '5s',
  retry: { initialInterval: '0.5s', maximumInterval: '5s' },
  summary: 'choose the machine that will hold the cluster',
};

function attemptLimitMs(step: Step, stack: Stack): number {
  switch (step.kind) {
    case 'cluster':
      return clusterLimit;
    case 'verification':
      return verificationLimit;
    case 'release':
    case 'manifests':
      return durationMs(stack.components[step.name]?.timeout ?? '5m');
  }
}
