import { ApplicationFailure, proxyActivities, type ActivityOptions } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { hostTaskQueue } from '../domain/names.js';
import type { Step } from '../domain/plan.js';
import type { ClusterRef } from '../domain/progress.js';
import type { Component, ManifestsSpec } from '../domain/stack.js';
import type { ComponentTask, StepOutcome } from '../domain/step-tasks.js';
import { claimProfile, stepProfile } from './activity-profiles.js';
import type { EnvironmentState } from './environment-state.js';

const activities = (options: ActivityOptions): Activities => proxyActivities<Activities>(options);

/** Does one step of an install and notes what later steps need of its result. */
export async function performStep(
  state: EnvironmentState,
  environment: string,
  step: Step,
): Promise<StepOutcome> {
  const { stack, target } = state.spec;
  const host = activities(stepProfile(step, stack, await hostQueue(state)));
  switch (step.kind) {
    case 'cluster': {
      const { cluster, outcome } = await host.createCluster({ environment, target });
      state.cluster = cluster;
      return { outcome };
    }
    case 'release':
      return host.installRelease(componentTask(state, environment, step));
    case 'manifests':
      return host.applyManifests(componentTask(state, environment, step));
    case 'verification': {
      const task = { environment, stack: stack.name, cluster: clusterOf(state), proof: stack.proof };
      const { proof, outcome } = await host.proveStack(task);
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
  const { stack, target } = state.spec;
  // A cluster of our own takes everything in it along; without one there is nothing to take from.
  if (step.kind !== 'cluster' && (state.cluster === undefined || state.cluster.owned)) {
    return { outcome: 'goes with its cluster' };
  }
  const host = activities(stepProfile(step, stack, await hostQueue(state)));
  switch (step.kind) {
    case 'cluster':
      return host.deleteCluster({ environment, target });
    case 'release':
      return host.uninstallRelease(componentTask(state, environment, step));
    case 'manifests':
      return host.deleteManifests(componentTask(state, environment, step));
    case 'verification':
      return { outcome: 'left nothing behind' };
  }
}

/** Local clusters live on one machine: the first worker that answers keeps the environment for good. */
async function hostQueue(state: EnvironmentState): Promise<string> {
  state.hostId ??= (await activities(claimProfile).claimHost()).hostId;
  return hostTaskQueue(state.hostId);
}

function componentTask(state: EnvironmentState, environment: string, step: Step): ComponentTask {
  const { components } = state.spec.stack;
  const definition = components[step.name] as Component;
  const accepts: Record<string, ManifestsSpec> = {};
  for (const check of definition.ready) {
    if (!('accepts' in check)) continue;
    const tried = components[check.accepts]?.manifests;
    if (tried) accepts[check.accepts] = tried;
  }
  return { environment, cluster: clusterOf(state), component: step.name, definition, accepts };
}

function clusterOf(state: EnvironmentState): ClusterRef {
  if (state.cluster) return state.cluster;
  throw ApplicationFailure.nonRetryable('A step ran before the cluster step.', 'internal.bug');
}
