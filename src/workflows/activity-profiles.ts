import { ActivityCancellationType, type ActivityOptions } from '@temporalio/workflow';
import type { Step } from '../domain/plan.js';
import { attemptMs, observationMs, serverLimitMs } from '../domain/time-limits.js';

/** A worker that was killed is noticed after this time without a heartbeat; they come every second. */
const heartbeatTimeout = '12s';

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

/**
 * Time limits and retries of a step, on the queue of the machine that holds the cluster, or on the workflow's own. An
 * attempt takes its own, earlier deadline from `startToCloseTimeout`.
 * @param timeout the component's, such as `5m`
 * @param removes whether it takes away what the step makes
 */
export function stepProfile(
  step: Step,
  timeout: string | undefined,
  taskQueue: string | undefined,
  removes = step.removes === true,
): ActivityOptions {
  const limit = serverLimitMs(attemptMs(step, timeout, removes));
  return {
    ...common,
    ...placeOf(taskQueue),
    startToCloseTimeout: limit,
    scheduleToCloseTimeout: 4 * limit,
    activityId: step.name,
    summary: `${step.name}: ${step.title}`,
  };
}

/** Of a look at a component: what cannot be seen within this time is reported as unknown. */
export function observationProfile(step: Step, taskQueue: string | undefined): ActivityOptions {
  return {
    ...common,
    ...placeOf(taskQueue),
    startToCloseTimeout: serverLimitMs(observationMs),
    scheduleToCloseTimeout: 2 * serverLimitMs(observationMs),
    activityId: `observe-${step.name}`,
    summary: `${step.name}: compare with the stack`,
  };
}

/** `claimHost` is a question to whichever worker answers first. */
export const claimProfile: ActivityOptions = {
  startToCloseTimeout: '5s',
  retry: { initialInterval: '0.5s', maximumInterval: '5s' },
  summary: 'choose the machine that will hold the cluster',
};

/** Whoever serves the workflow's own queue serves the workflow as well: there is no lost machine to notice. */
function placeOf(taskQueue: string | undefined): ActivityOptions {
  return taskQueue === undefined ? {} : { taskQueue, scheduleToStartTimeout };
}
