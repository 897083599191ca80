import { ApplicationFailure } from '@temporalio/workflow';
import { toFailure } from '../domain/failure.js';
import { planOf } from '../domain/plan.js';
import type { EnvironmentSpec, TargetSpec } from '../domain/progress.js';
import type { EnvironmentState } from './environment-state.js';
import type { Inbox } from './inbox.js';
import type { ApplyArguments, ExtendArguments, StepDecision } from './messages.js';

/** Ten years: what is longer is a mistake, and beyond some of these a timer cannot go. */
const longestMs = 10 * 365 * 24 * 3_600_000;

/** What is refused, and the reason in the refusal. Nothing here changes anything. */
export class Refusals {
  private readonly state: EnvironmentState;
  private readonly inbox: Inbox;

  constructor(state: EnvironmentState, inbox: Inbox) {
    this.state = state;
    this.inbox = inbox;
  }

  readonly apply = ({ spec }: ApplyArguments): void => {
    this.duringTeardown();
    const { state, inbox } = this;
    if (JSON.stringify(spec.target) !== JSON.stringify(state.spec.target)) {
      throw refusal(
        `it lives on the target ${targetText(state.spec.target)} and cannot move to ${targetText(spec.target)}. ` +
          'Take it down first, or choose another name with --name.',
        'environment.conflict',
      );
    }
    for (const [name, ms] of [
      ['ttlMs', spec.ttlMs] as const,
      ['verifyEveryMs', spec.verifyEveryMs] as const,
    ]) {
      if (ms !== undefined && ms !== 0) checkDuration(name, ms);
    }
    requirePlan(spec);
    if (isInstalling(state, inbox) && state.blockedSteps().length === 0 && !sameStack(spec, state.spec)) {
      throw refusal(
        `it is ${state.phase} with another stack or other values. Wait until it is Ready, or abort first.`,
      );
    }
  };

  readonly verify = (): void => {
    this.duringTeardown();
    const { phase, runningKind } = this.state;
    if (phase === 'Verifying' && runningKind === 'check') return;
    if (phase !== 'Ready') throw refusal(`it is ${phase}; only a Ready environment can be verified.`);
  };

  /** Of `retry` and `skip`. */
  readonly decision = ({ step }: StepDecision): void => {
    const blocked = this.state.blockedSteps();
    if (blocked.includes(step)) return;
    const waiting =
      blocked.length === 0 ? 'no step waits for a decision' : `only ${blocked.join(', ')} waits`;
    throw refusal(`the step "${step}" is not blocked: ${waiting}.`);
  };

  readonly abort = (): void => {
    this.duringTeardown();
    if (this.state.runningKind === undefined) throw refusal(`nothing runs: it is ${this.state.phase}.`);
  };

  readonly pause = (): void => {
    this.duringTeardown();
    if (this.state.isPaused) throw refusal('it is paused already.');
  };

  readonly resume = (): void => {
    this.duringTeardown();
    if (!this.state.isPaused) throw refusal('it is not paused.');
  };

  readonly extend = ({ ms }: ExtendArguments): void => {
    this.duringTeardown();
    if (ms !== null) checkDuration('ms', ms);
  };

  private duringTeardown(): void {
    if (this.inbox.teardownRequested)
      throw refusal(`it is ${this.state.phase}: a teardown was asked for and cannot be taken back.`);
  }
}

export function sameStack(one: EnvironmentSpec, other: EnvironmentSpec): boolean {
  return JSON.stringify(one.stack) === JSON.stringify(other.stack);
}

/** `embedded`, `k3d (rancher/k3s:v1.31.5-k3s1, ports 6443 …)`, `kubeconfig (context lab in /home/me/.kube/config)`. */
function targetText({ kind, kubeconfigPath, context, k3d }: TargetSpec): string {
  if (k3d) return `k3d (${k3d.image}, ports ${[k3d.apiPort, ...k3d.ports].join(', ')})`;
  if (kubeconfigPath === undefined) return kind;
  return `${kind} (${context === undefined ? '' : `context ${context} in `}${kubeconfigPath})`;
}

/** Verifications change nothing: they give way to whatever else is asked. So does a run that is being stopped. */
export function isInstalling({ runningKind }: EnvironmentState, inbox: Inbox): boolean {
  return (runningKind === 'provision' || runningKind === 'upgrade') && !inbox.isInterrupted;
}

/**
 * Clients validate stacks before they send them; one of another make may not.
 * @throws ApplicationFailure `stack.cycle`, `stack.unknown-need`: not retryable, where an error of another kind would
 * be
 *   retried as a failed workflow task for ever
 */
export function requirePlan({ stack }: EnvironmentSpec): void {
  try {
    planOf(stack);
  } catch (error) {
    const { type, message } = toFailure(error);
    throw ApplicationFailure.nonRetryable(message, type);
  }
}

function checkDuration(name: string, ms: unknown): void {
  if (typeof ms === 'number' && Number.isInteger(ms) && ms > 0 && ms <= longestMs) return;
  throw refusal(
    `${name} is ${String(ms)}, but must be whole milliseconds, more than 0 and at most ten years.`,
  );
}

function refusal(reason: string, type = 'update.refused'): ApplicationFailure {
  return ApplicationFailure.nonRetryable(`The environment refuses: ${reason}`, type);
}
