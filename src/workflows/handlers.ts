import { ApplicationFailure, patched, setHandler } from '@temporalio/workflow';
import { toFailure } from '../domain/failure.js';
import { defaultK3dSettings } from '../domain/k3d-defaults.js';
import type { K3dSettings } from '../domain/k3d-settings.js';
import { planOf, verificationStep } from '../domain/plan.js';
import type { EnvironmentSpec, TargetSpec } from '../domain/progress.js';
import { canonicalJson } from '../domain/release.js';

import type { EnvironmentState } from './environment-state.js';
import type { FleetLink } from './fleet-link.js';
import type { Decision, Inbox } from './inbox.js';
import {
  abortUpdate,
  applyUpdate,
  extendUpdate,
  leftoversQuery,
  orderSignal,
  patches,
  pauseUpdate,
  progressQuery,
  resumeUpdate,
  retryUpdate,
  skipUpdate,
  specQuery,
  teardownSignal,
  verifyUpdate,
  type ApplyArguments,
  type ExtendArguments,
  type RunTicket,
  type StepDecision,
} from './messages.js';

/** Connects the messages with the state and the inbox. Handlers end at once: none is ever in flight for long. */
export function registerHandlers(state: EnvironmentState, inbox: Inbox, link: FleetLink): void {
  const validate = new UpdateValidators(state, inbox);
  setHandler(progressQuery, () => state.progress());
  setHandler(specQuery, () => state.spec);
  setHandler(leftoversQuery, () => state.leftovers);
  setHandler(teardownSignal, () => {
    inbox.requestTeardown();
  });
  handleRuns(state, inbox, validate, link);
  handleDecisions(state, inbox, validate);
  handlePauses(state, validate);
  setHandler(
    extendUpdate,
    ({ ms }) => {
      state.extend(ms);
      return state.expiresAt === undefined ? {} : { expiresAt: state.expiresAt };
    },
    { validator: validate.extend },
  );
}

/** What starts a run of the plan, or joins one. */
function handleRuns(
  state: EnvironmentState,
  inbox: Inbox,
  validate: UpdateValidators,
  link: FleetLink,
): void {
  const next = (): RunTicket => ({ run: state.runNumber + 1 });
  // All but the proof is done: only what was changed since can be mended, and a retry would change nothing.
  const mends = (): boolean => state.blockedSteps().join() === verificationStep && patched(patches.upMends);
  const apply = ({ spec }: ApplyArguments): RunTicket => {
    const same = sameStack(spec, state.spec, () => patched(patches.stacksByContent));
    if (same && isInstalling(state, inbox) && !mends()) {
      state.adopt({ ...spec, failFast: state.spec.failFast });
      for (const step of state.blockedSteps()) inbox.decide(step, 'retry');
      return { run: state.runNumber };
    }
    inbox.requestRun({ kind: same ? 'provision' : 'upgrade', spec });
    return next();
  };
  const verify = (): RunTicket => {
    if (state.runningKind === 'check') return { run: state.runNumber };
    // An install that was asked for a moment ago ends with a proof of its own.
    if (inbox.hasRequest) return next();
    inbox.requestRun({ kind: 'verify', spec: state.spec });
    return next();
  };
  setHandler(applyUpdate, apply, { validator: validate.apply });
  setHandler(verifyUpdate, verify, { validator: validate.verify });
  setHandler(orderSignal, ({ fleet, order }) => {
    link.take(fleet, order.id, () => {
      switch (order.kind) {
        case 'apply':
          validate.apply(order);
          apply(order);
          return;
        case 'verify':
          validate.verify();
          verify();
          return;
        case 'teardown':
          inbox.requestTeardown();
      }
    });
  });
}

/** What people decide about a run. */
function handleDecisions(state: EnvironmentState, inbox: Inbox, validate: UpdateValidators): void {
  const decide = (decision: Decision) => {
    return ({ step }: StepDecision): RunTicket => {
      inbox.decide(step, decision);
      return { run: state.runNumber };
    };
  };
  setHandler(retryUpdate, decide('retry'), { validator: validate.decision });
  setHandler(skipUpdate, decide('skip'), { validator: validate.decision });
  setHandler(
    abortUpdate,
    () => {
      state.stopBecause('it was aborted');
      inbox.interrupt();
      return { run: state.runNumber };
    },
    { validator: validate.abort },
  );
}

function handlePauses(state: EnvironmentState, validate: UpdateValidators): void {
  const after = (change: () => void) => (): RunTicket => {
    change();
    return { run: state.runNumber };
  };
  setHandler(
    pauseUpdate,
    after(() => {
      state.pause();
    }),
    { validator: validate.pause },
  );
  setHandler(
    resumeUpdate,
    after(() => {
      state.resume();
    }),
    { validator: validate.resume },
  );
}

/** Ten years: what is longer is a mistake, and beyond some of these a timer cannot go. */
const longestMs = 10 * 365 * 24 * 3_600_000;

/** Which updates are rejected, and why. Nothing here changes anything. */
class UpdateValidators {
  private readonly state: EnvironmentState;
  private readonly inbox: Inbox;

  constructor(state: EnvironmentState, inbox: Inbox) {
    this.state = state;
    this.inbox = inbox;
  }

  readonly apply = ({ spec }: ApplyArguments): void => {
    this.duringTeardown();
    const { state, inbox } = this;
    if (!sameTarget(spec.target, state.spec.target)) {
      throw refusal(
        `the environment lives on the target ${targetText(state.spec.target)} and cannot move to ${targetText(spec.target)}. ` +
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
        `the environment is ${state.phase} with another stack or other values. Wait until it is Ready, or abort first.`,
      );
    }
  };

  readonly verify = (): void => {
    this.duringTeardown();
    const { phase, runningKind } = this.state;
    if (phase === 'Verifying' && runningKind === 'check') return;
    if (phase !== 'Ready')
      throw refusal(`the environment is ${phase}; only a Ready environment can be verified.`);
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
    if (this.state.runningKind === undefined)
      throw refusal(`nothing runs: the environment is ${this.state.phase}.`);
  };

  readonly pause = (): void => {
    this.duringTeardown();
    if (this.state.isPaused) throw refusal('the environment is paused already.');
  };

  readonly resume = (): void => {
    this.duringTeardown();
    if (!this.state.isPaused) throw refusal('the environment is not paused.');
  };

  readonly extend = ({ ms }: ExtendArguments): void => {
    this.duringTeardown();
    if (ms !== null) checkDuration('ms', ms);
  };

  private duringTeardown(): void {
    if (this.inbox.teardownRequested)
      throw refusal(
        `the environment is ${this.state.phase}: a teardown was asked for and cannot be taken back.`,
      );
  }
}

/** @param byContent whether the order of keys does not count */
function sameStack(one: EnvironmentSpec, other: EnvironmentSpec, byContent = () => true): boolean {
  return (
    JSON.stringify(one.stack) === JSON.stringify(other.stack) ||
    (canonicalJson(one.stack) === canonicalJson(other.stack) && byContent())
  );
}

/**
 * Whether a cluster that is there is the one that is asked for; where its images come from may change. Settings of k3d
 * that are asked for as every `up` does which says nothing are not asked for at all: a new release with another default
 * must not refuse the clusters of the last one.
 */
function sameTarget(
  { k3d: asked = defaultK3dSettings, images: _asked, ...one }: TargetSpec,
  { k3d, images: _known, ...other }: TargetSpec,
): boolean {
  const settings: K3dSettings = { ...defaultK3dSettings, ...k3d };
  const wanted = Object.entries(asked).filter(
    ([name, value]) => canonicalJson(value) !== canonicalJson(defaultK3dSettings[name as keyof K3dSettings]),
  );
  return (
    canonicalJson(one) === canonicalJson(other) &&
    canonicalJson(settings) === canonicalJson({ ...settings, ...Object.fromEntries(wanted) })
  );
}

/** `embedded`, `k3d (rancher/k3s:v1.31.5-k3s1, ports 6443 …)`, `kubeconfig (context lab in /home/me/.kube/config)`. */
function targetText({ kind, kubeconfigPath, context, k3d }: TargetSpec): string {
  if (k3d) return `k3d (${k3d.image}, ports ${[k3d.apiPort, ...k3d.ports].join(', ')})`;
  if (kubeconfigPath === undefined) return kind;
  return `${kind} (${context === undefined ? '' : `context ${context} in `}${kubeconfigPath})`;
}

/** Verifications change nothing: they give way to whatever else is asked. So does a run that is being stopped. */
function isInstalling({ runningKind }: EnvironmentState, inbox: Inbox): boolean {
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
  return ApplicationFailure.nonRetryable(`Update rejected: ${reason}`, type);
}
