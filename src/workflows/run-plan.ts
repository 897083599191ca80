import { condition, isCancellation } from '@temporalio/workflow';
import type { Failure } from '../domain/failure.js';
import { runGraph } from '../domain/graph.js';
import type { Plan, Step } from '../domain/plan.js';
import type { StepOutcome } from '../domain/step-tasks.js';
import type { EnvironmentState } from './environment-state.js';
import { failureOf } from './failure.js';
import type { Inbox } from './inbox.js';

/** Ends a run for good, when nobody is to be asked (`failFast`). */
export class RunFailed extends Error {}

/** The work of one step. */
export type Perform = (step: Step) => Promise<StepOutcome>;

/**
 * Runs the steps as their needs allow, and none while the environment is paused.
 * @throws RunFailed, and a CancelledFailure when the run is interrupted; only after everything that ran has ended
 */
export async function runPlan(
  state: EnvironmentState,
  inbox: Inbox,
  plan: Plan,
  perform: Perform,
): Promise<void> {
  await runGraph(plan, (step) => runStep(state, inbox, step, perform));
}

/** One step until it is done or skipped: a failure that retries did not cure waits for a decision. */
async function runStep(state: EnvironmentState, inbox: Inbox, step: Step, perform: Perform): Promise<void> {
  for (;;) {
    if (state.isPaused) await condition(() => !state.isPaused);
    const decision = await untilDecided(state, inbox, step, perform).catch((error: unknown) => {
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
  perform: Perform,
): Promise<'done' | 'retry' | 'skip'> {
  state.stepStarted(step);
  const failure = await attempt(state, step, perform);
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
async function attempt(state: EnvironmentState, step: Step, perform: Perform): Promise<Failure | undefined> {
  try {
    const { outcome } = await perform(step);
    state.stepDone(step, outcome);
    return undefined;
  } catch (error) {
    if (isCancellation(error)) throw error;
    return failureOf(step, error);
  }
}
