import { patched, setHandler } from '@temporalio/workflow';
import { verificationStep } from '../domain/plan.js';
import type { EnvironmentState } from './environment-state.js';
import type { Decision, Inbox } from './inbox.js';
import {
  abortUpdate,
  applyUpdate,
  extendUpdate,
  leftoversQuery,
  pauseUpdate,
  progressQuery,
  resumeUpdate,
  retryUpdate,
  skipUpdate,
  specQuery,
  teardownSignal,
  verifyUpdate,
  type RunTicket,
  type StepDecision,
} from './messages.js';
import { patches } from './patches.js';
import { isInstalling, Refusals, sameStack } from './refusals.js';

/** Connects the messages with the state and the inbox. Handlers end at once: none is ever in flight for long. */
export function registerHandlers(state: EnvironmentState, inbox: Inbox): void {
  const refuse = new Refusals(state, inbox);
  setHandler(progressQuery, () => state.progress());
  setHandler(specQuery, () => state.spec);
  setHandler(leftoversQuery, () => state.leftovers);
  setHandler(teardownSignal, () => {
    inbox.requestTeardown();
  });
  handleRuns(state, inbox, refuse);
  handleDecisions(state, inbox, refuse);
  handlePauses(state, refuse);
  setHandler(
    extendUpdate,
    ({ ms }) => {
      state.extend(ms);
      return state.expiresAt === undefined ? {} : { expiresAt: state.expiresAt };
    },
    { validator: refuse.extend },
  );
}

/** What starts a run of the plan, or joins one. */
function handleRuns(state: EnvironmentState, inbox: Inbox, refuse: Refusals): void {
  const next = (): RunTicket => ({ run: state.runNumber + 1 });
  // All but the proof is done: only what was changed since can be mended, and a retry would change nothing.
  const mends = (): boolean => state.blockedSteps().join() === verificationStep && patched(patches.upMends);
  setHandler(
    applyUpdate,
    ({ spec }) => {
      const same = sameStack(spec, state.spec);
      if (same && isInstalling(state, inbox) && !mends()) {
        state.adopt({ ...spec, failFast: state.spec.failFast });
        for (const step of state.blockedSteps()) inbox.decide(step, 'retry');
        return { run: state.runNumber };
      }
      inbox.requestRun({ kind: same ? 'provision' : 'upgrade', spec });
      return next();
    },
    { validator: refuse.apply },
  );
  setHandler(
    verifyUpdate,
    () => {
      if (state.runningKind === 'check') return { run: state.runNumber };
      // An install that was asked for a moment ago ends with a proof of its own.
      if (inbox.hasRequest) return next();
      inbox.requestRun({ kind: 'verify', spec: state.spec });
      return next();
    },
    { validator: refuse.verify },
  );
}

/** What people decide about a run. */
function handleDecisions(state: EnvironmentState, inbox: Inbox, refuse: Refusals): void {
  const decide = (decision: Decision) => {
    return ({ step }: StepDecision): RunTicket => {
      inbox.decide(step, decision);
      return { run: state.runNumber };
    };
  };
  setHandler(retryUpdate, decide('retry'), { validator: refuse.decision });
  setHandler(skipUpdate, decide('skip'), { validator: refuse.decision });
  setHandler(
    abortUpdate,
    () => {
      state.stopBecause('it was aborted');
      inbox.interrupt();
      return { run: state.runNumber };
    },
    { validator: refuse.abort },
  );
}

function handlePauses(state: EnvironmentState, refuse: Refusals): void {
  const after = (change: () => void) => (): RunTicket => {
    change();
    return { run: state.runNumber };
  };
  setHandler(
    pauseUpdate,
    after(() => {
      state.pause();
    }),
    { validator: refuse.pause },
  );
  setHandler(
    resumeUpdate,
    after(() => {
      state.resume();
    }),
    { validator: refuse.resume },
  );
}
