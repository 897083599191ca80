import { ApplicationFailure, setHandler } from '@temporalio/workflow';
import type { EnvironmentSpec } from '../domain/progress.js';
import type { EnvironmentState } from './environment-state.js';
import type { Decision, Inbox } from './inbox.js';
import {
  abortUpdate,
  type ApplyArguments,
  applyUpdate,
  progressQuery,
  retryUpdate,
  skipUpdate,
  teardownSignal,
  verifyUpdate,
  type RunTicket,
  type StepDecision,
} from './messages.js';

/** Connects the messages with the state and the inbox. Validators refuse with a reason and change nothing. */
export function registerHandlers(state: EnvironmentState, inbox: Inbox): void {
  const ticket = (): RunTicket => ({ run: state.runNumber });
  const nextTicket = (): RunTicket => ({ run: state.runNumber + 1 });

  setHandler(progressQuery, () => state.progress());
  setHandler(teardownSignal, () => {
    inbox.requestTeardown();
  });

  setHandler(
    applyUpdate,
    ({ spec }) => {
      if (inbox.hasRequest) return nextTicket();
      const same = sameSpec(spec, state.spec);
      if (same && state.isRunning) {
        for (const step of state.blockedSteps()) inbox.decide(step, 'retry');
        return ticket();
      }
      inbox.requestRun({ kind: same ? 'provision' : 'upgrade', spec });
      return nextTicket();
    },
    {
      validator: ({ spec }: ApplyArguments) => {
        refuseDuringTeardown(state, inbox);
        if (JSON.stringify(spec.target) !== JSON.stringify(state.spec.target)) {
          throw refusal(
            `it lives on the target ${state.spec.target.kind} and cannot move to ${spec.target.kind}. ` +
              'Take it down first, or choose another name with --name.',
            'environment.conflict',
          );
        }
        if (state.isRunning && state.blockedSteps().length === 0 && !sameSpec(spec, state.spec)) {
          throw refusal(
            `it is ${state.phase} with another stack or other values. Wait until it is Ready, or abort first.`,
          );
        }
      },
    },
  );

  setHandler(
    verifyUpdate,
    () => {
      inbox.requestRun({ kind: 'verify', spec: state.spec });
      return nextTicket();
    },
    {
      validator: () => {
        refuseDuringTeardown(state, inbox);
        if (state.phase !== 'Ready')
          throw refusal(`it is ${state.phase}; only a Ready environment can be verified.`);
      },
    },
  );

  const decide = (decision: Decision) => {
    return ({ step }: StepDecision): RunTicket => {
      inbox.decide(step, decision);
      return ticket();
    };
  };
  const onlyBlocked = {
    validator: ({ step }: StepDecision): void => {
      const blocked = state.blockedSteps();
      if (blocked.includes(step)) return;
      const waiting =
        blocked.length === 0 ? 'no step waits for a decision' : `only ${blocked.join(', ')} waits`;
      throw refusal(`the step "${step}" is not blocked: ${waiting}.`);
    },
  };
  setHandler(retryUpdate, decide('retry'), onlyBlocked);
  setHandler(skipUpdate, decide('skip'), onlyBlocked);

  setHandler(
    abortUpdate,
    () => {
      state.stopBecause('it was aborted');
      inbox.interrupt();
      return ticket();
    },
    {
      validator: () => {
        refuseDuringTeardown(state, inbox);
        if (!state.isRunning) throw refusal(`nothing runs: it is ${state.phase}.`);
      },
    },
  );
}

function sameSpec(one: EnvironmentSpec, other: EnvironmentSpec): boolean {
  return JSON.stringify(one.stack) === JSON.stringify(other.stack);
}

function refuseDuringTeardown(state: EnvironmentState, inbox: Inbox): void {
  if (inbox.teardownRequested)
    throw refusal(`it is ${state.phase}: a teardown was asked for and cannot be taken back.`);
}

function refusal(reason: string, type = 'update.refused'): ApplicationFailure {
  return ApplicationFailure.nonRetryable(`The environment refuses: ${reason}`, type);
}
