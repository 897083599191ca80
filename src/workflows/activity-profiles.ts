import { ActivityCancellationType, type ActivityOptions } from '@temporalio/workflow';
import { durationMs } from '../domain/duration.js';
import type { Step } from '../domain/plan.js';

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
/** A look at a component asks for what it waits for at most 10 s; helm renders, and charts may have to be downloaded. */
const observationLimit = 2 * minute;

/**
 * Time limits and retries of a step, on the queue of the machine that holds the cluster, or on the workflow's own.
 * @param timeout the component's, such as `5m`
 */
export function stepProfile(
  step: Step,
  timeout: string | undefined,
  taskQueue: string | undefined,
): ActivityOptions {
  const limit = attemptLimitMs(step, timeout);
  return {
    ...common,
    ...placeOf(taskQueue),
    startToCloseTimeout: limit + grace,
    scheduleToCloseTimeout: 4 * (limit + grace),
    activityId: step.name,
    summary: `${step.name}: ${step.title}`,
  };
}

/** Of a look at a component: what cannot be seen within this time is reported as unknown. */
export function observationProfile(step: Step, taskQueue: string | undefined): ActivityOptions {
  return {
    ...common,
    ...placeOf(taskQueue),
    startToCloseTimeout: observationLimit,
    scheduleToCloseTimeout: 2 * observationLimit,
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

function attemptLimitMs(step: Step, timeout = '5m'): number {
  switch (step.kind) {
    case 'cluster':
      return clusterLimit;
    case 'verification':
      return verificationLimit;
    case 'release':
    case 'manifests':
      return durationMs(timeout);
  }
}
