import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  patched,
  workflowInfo,
} from '@temporalio/workflow';
import type { Membership } from '../domain/fleet.js';
import { planOf, type Step } from '../domain/plan.js';
import type { ComponentDrift, EnvironmentSpec, Progress } from '../domain/progress.js';
import type { StepOutcome } from '../domain/step-tasks.js';
import { comes } from './clock.js';
import { EnvironmentState, type StateSnapshot } from './environment-state.js';
import { FleetLink } from './fleet-link.js';
import { registerHandlers, requirePlan } from './handlers.js';
import { Inbox, type RunRequest } from './inbox.js';
import { patches } from './messages.js';
import { publisher } from './presentation.js';
import { Slot } from './slot.js';
import {
  failureOf,
  holderOf,
  observeStep,
  performStep,
  removeStep,
  RunFailed,
  runPlan,
  sendInstallTrace,
} from './steps.js';

export interface EnvironmentInput {
  /** The name of the environment. */
  readonly name: string;
  readonly spec: EnvironmentSpec;
  /** The machine that makes a local cluster and keeps it. @default that of the worker which answers first */
  readonly hostId?: string;
  /** The fleet that it belongs to. */
  readonly member?: Membership;
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
  const link = new FleetLink(state, inbox, input.member);
  registerHandlers(state, inbox, link);
  const slot = new Slot(state);
  const stopClocks = startClocks(state, inbox);

  try {
    while (!inbox.teardownRequested) {
      const request = inbox.takeRequest();
      if (request) await serve({ state, inbox, slot, name }, request);
      else if (historyIsLong(input)) await continueFrom(state, inbox, { ...input, member: link.member });
      else await condition(() => inbox.teardownRequested || inbox.hasRequest || historyIsLong(input));
    }
  } catch (error) {
    if (!isCancellation(error)) throw error;
    inbox.requestTeardown();
  }
  stopClocks();
  await CancellationScope.nonCancellable(async () => {
    await tearDown(state, inbox, name);
    await link.settled();
    await condition(allHandlersFinished);
  });
  return state.progress();
}

interface Parts {
  readonly state: EnvironmentState;
  readonly inbox: Inbox;
  readonly slot: Slot;
  /** Of the environment. */
  readonly name: string;
}

/** Runs the plan as asked, to its end or until something interrupts it. */
async function serve({ state, inbox, slot, name }: Parts, { kind, spec }: RunRequest): Promise<void> {
  state.adopt(spec);
  const plan = state.begin(kind);
  const takesSlot = needsSlot(state) && patched(patches.slots);
  const admit = async (): Promise<void> => {
    do {
      // Whoever waits in the line may be paused there: its turn passes to the next one.
      if (state.isPaused) await condition(() => !state.isPaused);
      await slot.hold(await holderOf(state));
    } while (state.isPaused);
  };
  const stopWatch = takesSlot ? giveBackWhileNothingRuns(state, slot) : undefined;
  let stoppedBecause: string | undefined;
  try {
    await inbox.interruptible(async () => {
      if (kind === 'check') await observeDrift(state, name);
      const perform = (step: Step): Promise<StepOutcome> => performStep(state, name, step);
      await runPlan(state, inbox, plan, { perform, ...(takesSlot && { admit }) });
      if (kind === 'provision' || kind === 'upgrade') await sendInstallTrace(state, name);
    });
  } catch (error) {
    if (!isCancellation(error) && !(error instanceof RunFailed)) throw error;
    stoppedBecause = 'it was interrupted';
  }
  stopWatch?.();
  if (takesSlot) await CancellationScope.nonCancellable(() => slot.giveBack());
  // Last: until the teardown that interrupted it begins, nobody must see an environment that has come to rest.
  state.end(stoppedBecause);
}

/** Installs take the cores of the machine that holds the cluster; a cluster that others hold takes those of theirs. */
function needsSlot({ runningKind, spec }: EnvironmentState): boolean {
  return (runningKind === 'provision' || runningKind === 'upgrade') && spec.target.kind !== 'kubeconfig';
}

/** While an install waits for people, others may go on. @returns stops it */
function giveBackWhileNothingRuns(state: EnvironmentState, slot: Slot): () => void {
  const scope = new CancellationScope();
  scope
    .run(async () => {
      for (;;) {
        await condition(() => slot.isHeld && state.waitsForPeople);
        await slot.giveBack();
      }
    })
    .catch((error: unknown) => {
      if (!isCancellation(error)) throw error;
    });
  return () => {
    scope.cancel();
  };
}

async function tearDown(state: EnvironmentState, inbox: Inbox, name: string): Promise<void> {
  state.resume();
  const plan = state.begin('teardown');
  if (inbox.teardownBecause !== undefined) state.stopBecause(inbox.teardownBecause);
  await runPlan(state, inbox, plan, { perform: (step) => removeStep(state, name, step) });
  state.markRemoved();
}

function historyIsLong({ continueAfterEvents }: EnvironmentInput): boolean {
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  return continueAsNewSuggested || historyLength > (continueAfterEvents ?? Infinity);
}

/** Goes on in a run with an empty history. Only at rest: nothing runs that could be lost. */
async function continueFrom(
  state: EnvironmentState,
  inbox: Inbox,
  { member, ...input }: Omit<EnvironmentInput, 'member'> & { readonly member: Membership | undefined },
): Promise<void> {
  await condition(allHandlersFinished);
  // What came meanwhile is served first.
  if (inbox.teardownRequested || inbox.hasRequest) return;
  await continueAsNew<typeof environment>({
    ...input,
    spec: state.spec,
    snapshot: state.toSnapshot(),
    ...(member && { member }),
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
    if (moment !== undefined && (await comes(moment, summary, () => dueAt() !== moment))) act();
  }
}
