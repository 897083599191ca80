import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  patched,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { MachineQuestion, MachineReport } from '../domain/machine.js';
import { hostTaskQueue } from '../domain/names.js';
import { planOf } from '../domain/plan.js';
import type { ComponentDrift, EnvironmentSpec, Progress } from '../domain/progress.js';
import { EnvironmentState, type StateSnapshot } from './environment-state.js';
import { registerHandlers, requirePlan } from './handlers.js';
import { Inbox, type RunRequest } from './inbox.js';
import { patches } from './messages.js';
import { publisher } from './presentation.js';
import { failureOf, observeStep, performStep, removeStep, RunFailed, runPlan } from './steps.js';

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

/** Compares every component with what the stack says and notes the result; changes nothing in the cluster. */
async function observeDrift(state: EnvironmentState, environment: string): Promise<void> {
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

/**
 * Asks for a teardown when the environment has lived its time, and for a check when one is due. One timer each, and
 * only while there is something to wait for: a moment that moves costs two events, waiting costs none.
 * @returns stops the clocks
 */
function startClocks(state: EnvironmentState, inbox: Inbox): () => void {
  const scope = new CancellationScope();
  const run = (summary: string, dueAt: () => number | undefined, act: () => void): void => {
    scope
      .run(() => alarm(summary, () => (inbox.teardownRequested ? undefined : dueAt()), act))
      .catch((error: unknown) => {
        if (!isCancellation(error)) throw error;
      });
  };
  run(
    'the environment is torn down by itself',
    () => state.expiresAt,
    () => {
      inbox.requestTeardown('its time to live was over');
    },
  );
  run(
    'the environment is proved again',
    () => {
      if (inbox.hasRequest || state.nextVerificationAt === undefined) return undefined;
      // A check that failed blocks, and goes on being made when it is due: what was wrong may be right by then.
      return state.phase === 'Ready' || patched(patches.checksGoOn) ? state.nextVerificationAt : undefined;
    },
    () => {
      inbox.requestRun({ kind: 'check', spec: state.spec });
    },
  );
  return () => {
    scope.cancel();
  };
}

/**
 * Calls `act`, which must change what `dueAt` says, whenever that moment has come.
 * @param summary what happens then, for the Web UI
 */
async function alarm(summary: string, dueAt: () => number | undefined, act: () => void): Promise<never> {
  for (;;) {
    await condition(() => dueAt() !== undefined);
    const moment = dueAt();
    if (moment === undefined) continue;
    const waitMs = Math.max(1, moment - Date.now());
    const moved = await condition(() => dueAt() !== moment, waitMs, { summary });
    if (!moved) act();
  }
}

/**
 * Asks the worker of a machine what that can do, before anything is started there. Its starter bounds it by a run timeout.
 * A step is not asked again: whoever waits for the answer asks a machine that takes no task, or one of an older version, once.
 */
export async function askMachine(question: MachineQuestion): Promise<MachineReport> {
  const { describeMachine } = proxyActivities<Activities>({
    taskQueue: hostTaskQueue(question.hostId),
    scheduleToStartTimeout: '10s',
    startToCloseTimeout: '80s',
    heartbeatTimeout: '12s',
    retry: { maximumAttempts: 1 },
    summary: 'what the machine can do',
  });
  return describeMachine(question);
}
