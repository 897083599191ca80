import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  condition,
  isCancellation,
  log,
  patched,
  proxyActivities,
  TimeoutFailure,
  type ActivityOptions,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { isFailureType, toFailure, type Failure } from '../domain/failure.js';
import { hostTaskQueue } from '../domain/names.js';
import { runGraph, verificationStep, type Plan, type Step } from '../domain/plan.js';
import type { ClusterRef } from '../domain/progress.js';
import { releasesOf } from '../domain/release.js';
import type { ManifestsSpec, Stack } from '../domain/stack.js';
import type { ComponentObservation, ComponentTask, StepOutcome } from '../domain/step-tasks.js';
import { attemptMs, observationMs, serverLimitMs } from '../domain/time-limits.js';
import type { EnvironmentState } from './environment-state.js';
import type { Inbox } from './inbox.js';
import { patches } from './messages.js';

/** Ends a run for good, when nobody is to be asked (`failFast`). */
export class RunFailed extends Error {}

/** The work of a run of the plan. */
export interface PlanWork {
  readonly perform: (step: Step) => Promise<StepOutcome>;
  /** Waits until a step may begin. What it throws is why the step did not work. @default at once */
  readonly admit?: () => Promise<void>;
}

/**
 * Runs the steps as their needs allow, and none while the environment is paused.
 * @throws RunFailed, and a CancelledFailure when the run is interrupted; only after everything that ran has ended
 */
export async function runPlan(
  state: EnvironmentState,
  inbox: Inbox,
  plan: Plan,
  work: PlanWork,
): Promise<void> {
  await runGraph(plan, (step) => runStep(state, inbox, step, work));
}

/** One step until it is done or skipped: a failure that retries did not cure waits for a decision. */
async function runStep(state: EnvironmentState, inbox: Inbox, step: Step, work: PlanWork): Promise<void> {
  for (;;) {
    if (state.isPaused) await condition(() => !state.isPaused);
    const decision = await untilDecided(state, inbox, step, work).catch((error: unknown) => {
      if (isCancellation(error)) state.stepCancelled(step);
      throw error;
    });
    if (decision === 'done') return;
    if (decision === 'skip') {
      state.stepSkipped(step);
      return;
    }
  }
}

async function untilDecided(
  state: EnvironmentState,
  inbox: Inbox,
  step: Step,
  work: PlanWork,
): Promise<'done' | 'retry' | 'skip'> {
  const failure = await attempt(state, step, work);
  if (!failure) return 'done';
  // A teardown that ended here would leave things behind that nobody knows of any more.
  if (state.spec.failFast && state.runningKind !== 'teardown') {
    state.stepFailed(step, failure);
    inbox.interrupt();
    throw new RunFailed();
  }
  state.stepBlocked(step, failure);
  return inbox.decisionFor(step.name);
}

/** @returns why it failed, if it did */
async function attempt(
  state: EnvironmentState,
  step: Step,
  { perform, admit }: PlanWork,
): Promise<Failure | undefined> {
  try {
    if (admit) {
      state.stepWaits(step);
      await admit();
    }
    state.stepStarted(step);
    const { outcome } = await perform(step);
    state.stepDone(step, outcome);
    return undefined;
  } catch (error) {
    if (isCancellation(error)) throw error;
    return failureOf(step, error);
  }
}

const activities = (options: ActivityOptions): Activities => proxyActivities<Activities>(options);

/** Does one step of an install and notes what later steps need of its result. */
export async function performStep(
  state: EnvironmentState,
  environment: string,
  step: Step,
): Promise<StepOutcome> {
  const { stack, target } = state.spec;
  const host = activities(await profileOf(state, step));
  if (step.removes) return removeComponent(state, environment, step, host);
  switch (step.kind) {
    case 'cluster': {
      const { cluster, outcome } = await host.createCluster({ environment, target, stack: stack.name });
      state.clusterMade(cluster);
      return { outcome };
    }
    case 'release':
      return host.installRelease(componentTask(state, environment, step));
    case 'manifests':
      return host.applyManifests(componentTask(state, environment, step));
    case 'verification': {
      const { name, proof: wanted } = stack;
      const task = { environment, stack: name, cluster: clusterOf(state), target, proof: wanted };
      const parts = { manifests: manifestsOf(stack), releases: releasesOf(stack) };
      const { proof, outcome } = await host.proveStack({ ...task, ...parts });
      state.proved(proof);
      return { outcome };
    }
  }
}

/** Takes away what a step made. */
export async function removeStep(
  state: EnvironmentState,
  environment: string,
  step: Step,
): Promise<StepOutcome> {
  // A cluster of our own takes everything in it along; without one there is nothing to take from.
  if (step.kind !== 'cluster' && (state.cluster === undefined || state.cluster.owned)) {
    return { outcome: 'goes with its cluster' };
  }
  const host = activities(await profileOf(state, step, true));
  if (step.kind !== 'cluster') return removeComponent(state, environment, step, host);
  const { cluster, spec } = state;
  const shared = cluster?.owned === false ? { shared: cluster } : {};
  return host.deleteCluster({ environment, target: spec.target, ...shared });
}

/** Looks at a component and changes nothing. */
export async function observeStep(
  state: EnvironmentState,
  environment: string,
  step: Step,
): Promise<ComponentObservation> {
  const host = activities(observationProfile(step, await queueOf(state)));
  return host.observeComponent(componentTask(state, environment, step));
}

/**
 * Sends the trace of the install to the trace store that was proved by it. It is beside the point of an install: where it
 * does not work nothing else suffers, and the history tells the same.
 */
export async function sendInstallTrace(state: EnvironmentState, environment: string): Promise<void> {
  const { stack, installTrace } = state.spec;
  if (installTrace === false || !state.isDone(verificationStep) || !patched(patches.installTrace)) return;
  try {
    const host = activities({ ...traceProfile, ...placeOf(await queueOf(state)) });
    const { traceId } = await host.sendInstallTrace({
      environment,
      cluster: clusterOf(state),
      collector: stack.proof.collector,
    });
    state.installTraced(traceId);
  } catch (error) {
    log.warn('the trace of the install was not sent', { error });
  }
}

function removeComponent(
  state: EnvironmentState,
  environment: string,
  step: Step,
  host: Activities,
): Promise<StepOutcome> {
  const task = componentTask(state, environment, step);
  return step.kind === 'release' ? host.uninstallRelease(task) : host.deleteManifests(task);
}

/** Not the activities themselves: a promise takes their proxy, which has every method, for another promise. */
async function profileOf(
  state: EnvironmentState,
  step: Step,
  removes = step.removes,
): Promise<ActivityOptions> {
  return stepProfile(step, state.definitionOf(step)?.timeout, await queueOf(state), removes);
}

/**
 * Local clusters live on one machine: the first worker that answers keeps the environment for good. What is reached by
 * a kubeconfig file does not: `undefined` means whichever worker has time.
 */
async function queueOf(state: EnvironmentState): Promise<string | undefined> {
  if (state.spec.target.kind === 'kubeconfig') return undefined;
  return hostTaskQueue(await holderOf(state));
}

/** The machine that holds a local cluster. */
export async function holderOf(state: EnvironmentState): Promise<string> {
  const hostId = state.hostId ?? (await activities(claimProfile).claimHost()).hostId;
  if (state.hostId === undefined) state.claimedBy(hostId);
  return hostId;
}

function componentTask(state: EnvironmentState, environment: string, step: Step): ComponentTask {
  const definition = state.definitionOf(step);
  if (!definition) throw bug(`There is no component for the step ${step.name}.`);
  const accepts: Record<string, ManifestsSpec> = {};
  for (const check of definition.ready) {
    if (!('accepts' in check) || typeof check.accepts !== 'string') continue;
    const tried = state.spec.stack.components[check.accepts]?.manifests;
    if (tried) accepts[check.accepts] = tried;
  }
  const component = state.leftover(step.name)?.component ?? step.name;
  const { adopt, target } = state.spec;
  const cluster = clusterOf(state);
  return { environment, cluster, target, component, definition, accepts, ...(adopt && { adopt }) };
}

function manifestsOf({ components }: Stack): Record<string, ManifestsSpec> {
  return Object.fromEntries(
    Object.entries(components).flatMap(([name, { manifests }]) => (manifests ? [[name, manifests]] : [])),
  );
}

function clusterOf(state: EnvironmentState): ClusterRef {
  if (state.cluster) return state.cluster;
  throw bug('A step ran before the cluster step.');
}

function bug(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'internal.bug');
}

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
function stepProfile(
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
function observationProfile(step: Step, taskQueue: string | undefined): ActivityOptions {
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
const claimProfile: ActivityOptions = {
  startToCloseTimeout: '5s',
  retry: { initialInterval: '0.5s', maximumInterval: '5s' },
  summary: 'choose the machine that will hold the cluster',
};

/** Nobody waits long for what only tells where the time went. */
const traceProfile: ActivityOptions = {
  scheduleToCloseTimeout: '20s',
  startToCloseTimeout: '12s',
  retry: { maximumAttempts: 2 },
  summary: 'send the trace of the install',
};

/** Whoever serves the workflow's own queue serves the workflow as well: there is no lost machine to notice. */
function placeOf(taskQueue: string | undefined): ActivityOptions {
  return taskQueue === undefined ? {} : { taskQueue, scheduleToStartTimeout };
}

/** What a person gets to read about the error of an activity. */
export function failureOf(step: Step, error: unknown): Failure {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) {
    const [detail] = (cause.details ?? []) as Failure[];
    if (detail) return detail;
    return { ...toFailure(cause), ...(isFailureType(cause.type) && { type: cause.type }) };
  }
  if (cause instanceof TimeoutFailure) return timeoutOf(step, cause);
  return toFailure(cause);
}

function timeoutOf(step: Step, timeout: TimeoutFailure): Failure {
  if (timeout.timeoutType === 'SCHEDULE_TO_START') {
    return {
      type: 'host.lost',
      message: `The step "${step.name}" waited 60 s for the machine that holds the cluster, but no worker there took it.`,
      remedy: 'Run `tracewright up` on that machine: it starts the worker and goes on here.',
      retryable: false,
    };
  }
  const [last] =
    timeout.cause instanceof ApplicationFailure ? ((timeout.cause.details ?? []) as Failure[]) : [];
  if (last) return last;
  return {
    type: 'step.timeout',
    message: `The step "${step.name}" did not end within its time (${String(timeout.timeoutType)}).`,
    remedy:
      'Look at what it did last with `tracewright status`, then retry; a longer `timeout` in the stack file helps a slow machine.',
    retryable: false,
  };
}
