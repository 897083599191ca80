import { ApplicationFailure, proxyActivities, type ActivityOptions } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { hostTaskQueue } from '../domain/names.js';
import type { Step } from '../domain/plan.js';
import type { ClusterRef } from '../domain/progress.js';
import { releasesOf } from '../domain/release.js';
import type { ManifestsSpec, Stack } from '../domain/stack.js';
import type { ComponentObservation, ComponentTask, StepOutcome } from '../domain/step-tasks.js';
import { claimProfile, observationProfile, stepProfile } from './activity-profiles.js';
import type { EnvironmentState } from './environment-state.js';

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
      const { cluster, outcome } = await host.createCluster({ environment, target });
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
  const hostId = state.hostId ?? (await activities(claimProfile).claimHost()).hostId;
  if (state.hostId === undefined) state.claimedBy(hostId);
  return hostTaskQueue(hostId);
}

function componentTask(state: EnvironmentState, environment: string, step: Step): ComponentTask {
  const definition = state.definitionOf(step);
  if (!definition) throw bug(`There is no component for the step ${step.name}.`);
  const accepts: Record<string, ManifestsSpec> = {};
  for (const check of definition.ready) {
    if (!('accepts' in check)) continue;
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
