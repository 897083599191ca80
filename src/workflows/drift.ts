import { isCancellation } from '@temporalio/workflow';
import { planOf } from '../domain/plan.js';
import type { ComponentDrift } from '../domain/progress.js';
import type { EnvironmentState } from './environment-state.js';
import { failureOf } from './failure.js';
import { observeStep } from './steps.js';

/** Compares every component with what the stack says and notes the result; changes nothing in the cluster. */
export async function observeDrift(state: EnvironmentState, environment: string): Promise<void> {
  const components = planOf(state.spec.stack).filter(
    ({ kind }) => kind === 'release' || kind === 'manifests',
  );
  const drift = await Promise.all(
    components.map(async (step): Promise<ComponentDrift> => {
      try {
        return { component: step.name, ...(await observeStep(state, environment, step)) };
      } catch (error) {
        if (isCancellation(error)) throw error;
        // Whether the environment works is for the proof to say.
        return { component: step.name, state: 'unknown', detail: failureOf(step, error).message };
      }
    }),
  );
  state.driftObserved(drift);
}
