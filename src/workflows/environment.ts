import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  workflowInfo,
} from '@temporalio/workflow';
import type { EnvironmentSpec, Progress } from '../domain/progress.js';
import { startClocks } from './clocks.js';
import { observeDrift } from './drift.js';
import { EnvironmentState } from './environment-state.js';
import { registerHandlers } from './handlers.js';
import { Inbox, type RunRequest } from './inbox.js';
import { publisher } from './publisher.js';
import { requirePlan } from './refusals.js';
import { RunFailed, runPlan } from './run-plan.js';
import type { StateSnapshot } from './snapshot.js';
import { performStep, removeStep } from './steps.js';

export interface EnvironmentInput {
  /** The name of the environment. */
  readonly name: string;
  readonly spec: EnvironmentSpec;
  /** The machine that makes a local cluster and keeps it. @default that of the worker which answers first */
  readonly hostId?: string;
  /** What the run before knew, when this one continues it. */
  readonly snapshot?: StateSnapshot;
  /**
   * For tests: continue as new after so many events of history, at the next rest.
   * @default when the server suggests it
   */
  readonly continueAfterEvents?: number;
}

/**
 * One environment from its first install to its removal. Installs the stack, then stays and answers to updates until
 * the `teardown` signal (or a cancellation of the workflow, which means the same, or the end of its time to live) takes
 * everything away.
 *
 * @returns the last progress, when everything is removed
 */
export async function environment(input: EnvironmentInput): Promise<Progress> {
  const { name, spec, snapshot } = input;
  requirePlan(spec);
  const state = snapshot
    ? EnvironmentState.fromSnapshot(name, snapshot, publisher())
    : EnvironmentState.fromSpec(input, publisher());
  const inbox = new Inbox();
  if (!snapshot) inbox.requestRun({ kind: 'provision', spec });
  registerHandlers(state, inbox);
  const stopClocks = startClocks(state, inbox);

  try {
    while (!inbox.teardownRequested) {
      const request = inbox.takeRequest();
      if (request) await serve(state, inbox, name, request);
      else if (historyIsLong(input)) await continueFrom(state, inbox, input);
      else await condition(() => inbox.teardownRequested || inbox.hasRequest || historyIsLong(input));
    }
  } catch (error) {
    if (!isCancellation(error)) throw error;
    inbox.requestTeardown();
  }
  stopClocks();
  await CancellationScope.nonCancellable(async () => {
    await tearDown(state, inbox, name);
    await condition(allHandlersFinished);
  });
  return state.progress();
}

/** Runs the plan as asked, to its end or until something interrupts it. */
async function serve(
  state: EnvironmentState,
  inbox: Inbox,
  name: string,
  { kind, spec }: RunRequest,
): Promise<void> {
  state.adopt(spec);
  const plan = state.begin(kind);
  try {
    await inbox.interruptible(async () => {
      if (kind === 'check') await observeDrift(state, name);
      await runPlan(state, inbox, plan, (step) => performStep(state, name, step));
    });
    state.end();
  } catch (error) {
    if (!isCancellation(error) && !(error instanceof RunFailed)) throw error;
    state.end('it was interrupted');
  }
}

async function tearDown(state: EnvironmentState, inbox: Inbox, name: string): Promise<void> {
  state.resume();
  const plan = state.begin('teardown');
  if (inbox.teardownBecause !== undefined) state.stopBecause(inbox.teardownBecause);
  await runPlan(state, inbox, plan, (step) => removeStep(state, name, step));
  state.markRemoved();
}

function historyIsLong({ continueAfterEvents }: EnvironmentInput): boolean {
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  return continueAsNewSuggested || historyLength > (continueAfterEvents ?? Infinity);
}

/** Goes on in a run with an empty history. Only at rest: nothing runs that could be lost. */
async function continueFrom(state: EnvironmentState, inbox: Inbox, input: EnvironmentInput): Promise<void> {
  await condition(allHandlersFinished);
  // What came meanwhile is served first.
  if (inbox.teardownRequested || inbox.hasRequest) return;
  await continueAsNew<typeof environment>({
    ...input,
    spec: state.spec,
    snapshot: state.toSnapshot(),
  });
}
