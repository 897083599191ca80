import { allHandlersFinished, CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import type { Failure } from '../domain/failure.js';
import { runGraph } from '../domain/graph.js';
import type { Plan, Step } from '../domain/plan.js';
import type { EnvironmentSpec, Progress } from '../domain/progress.js';
import type { StepOutcome } from '../domain/step-tasks.js';
import { EnvironmentState, type RunKind } from './environment-state.js';
import { failureOf } from './failure.js';
import { registerHandlers } from './handlers.js';
import { Inbox } from './inbox.js';
import { publisher } from './publisher.js';
import { performStep, removeStep } from './steps.js';

export interface EnvironmentInput {
  /** The name of the environment. */
  readonly name: string;
  readonly spec: EnvironmentSpec;
}

/**
 * One environment from its first install to its removal. Installs the stack, then stays and answers to updates until
 * the `teardown` signal (or a cancellation of the workflow, which means the same) takes everything away.
 *
 * @returns the last progress, when everything is removed
 */
export async function environment({ name, spec }: EnvironmentInput): Promise<Progress> {
  const inbox = new Inbox();
  const state = new EnvironmentState(name, spec, publisher());
  inbox.requestRun({ kind: 'provision', spec });
  registerHandlers(state, inbox);

  try {
    while (!inbox.teardownRequested) {
      const request = inbox.takeRequest();
      if (request) {
        state.spec = request.spec;
        await install(state, inbox, name, request.kind);
      }
      await condition(() => inbox.teardownRequested || inbox.hasRequest);
    }
  } catch (error) {
    if (!isCancellation(error)) throw error;
  }
  await CancellationScope.nonCancellable(async () => {
    await tearDown(state, inbox, name);
    await condition(allHandlersFinished);
  });
  return state.progress();
}

/** Ends a run for good, when nobody is to be asked (`failFast`). */
class RunFailed extends Error {}

type Perform = (step: Step) => Promise<StepOutcome>;

async function install(
  state: EnvironmentState,
  inbox: Inbox,
  name: string,
  kind: Exclude<RunKind, 'teardown'>,
): Promise<void> {
  const plan = state.begin(kind);
  try {
    await inbox.interruptible(() => runPlan(state, inbox, plan, (step) => performStep(state, name, step)));
    state.end();
  } catch (error) {
    if (!isCancellation(error) && !(error instanceof RunFailed)) throw error;
    state.end('it was interrupted');
  }
}

async function tearDown(state: EnvironmentState, inbox: Inbox, name: string): Promise<void> {
  const plan = state.begin('teardown');
  await runPlan(state, inbox, plan, (step) => removeStep(state, name, step));
  state.markRemoved();
}

/** Runs the steps as their needs allow. */
async function runPlan(state: EnvironmentState, inbox: Inbox, plan: Plan, perform: Perform): Promise<void> {
  await runGraph(plan, async (step) => {
    try {
      await runStep(state, inbox, step, perform);
    } catch (error) {
      if (isCancellation(error)) state.stepCancelled(step);
      throw error;
    }
  });
}

/** One step until it is done or skipped: a failure that retries did not cure waits for a decision. */
async function runStep(state: EnvironmentState, inbox: Inbox, step: Step, perform: Perform): Promise<void> {
  for (;;) {
    state.stepStarted(step);
    const failure = await attempt(state, step, perform);
    if (!failure) return;
    if (state.spec.failFast) {
      state.stepFailed(step, failure);
      inbox.interrupt();
      throw new RunFailed();
    }
    state.stepBlocked(step, failure);
    if ((await inbox.decisionFor(step.name)) === 'skip') {
      state.stepSkipped(step);
      return;
    }
  }
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
