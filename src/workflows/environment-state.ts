import type { Failure } from '../domain/failure.js';
import { planOf, removalPlanOf, verificationStep, type Plan, type Step } from '../domain/plan.js';
import type { ClusterRef, EnvironmentSpec, Phase, Progress, StepProgress } from '../domain/progress.js';
import type { Proof } from '../domain/proof.js';

/** Why the plan runs. */
export type RunKind = 'provision' | 'upgrade' | 'verify' | 'teardown';

const phaseOfRun = {
  provision: 'Provisioning',
  upgrade: 'Upgrading',
  verify: 'Verifying',
  teardown: 'TearingDown',
} as const satisfies Record<RunKind, Phase>;

/**
 * What an environment knows about itself, and the only place that changes it. `changed` is called after every change,
 * for whoever publishes the state.
 */
export class EnvironmentState {
  spec: EnvironmentSpec;
  hostId: string | undefined;
  cluster: ClusterRef | undefined;

  private readonly name: string;
  private readonly changed: (progress: Progress) => void;
  private readonly startedAt = Date.now();
  private updatedAt = this.startedAt;
  private run = 0;
  private running: RunKind | undefined;
  private removed = false;
  private stoppedBecause: string | undefined;
  private proof: Proof | undefined;
  private steps = new Map<string, StepProgress>();

  constructor(name: string, spec: EnvironmentSpec, changed: (progress: Progress) => void) {
    this.name = name;
    this.spec = spec;
    this.changed = changed;
    this.reset(planOf(spec.stack));
  }

  get phase(): Phase {
    if (this.removed) return 'Removed';
    if (this.blockedSteps().length > 0) return 'Blocked';
    if (this.running) return phaseOfRun[this.running];
    return this.stoppedBecause === undefined ? 'Ready' : 'Stopped';
  }

  get runNumber(): number {
    return this.run;
  }

  get isRunning(): boolean {
    return this.running !== undefined;
  }

  blockedSteps(): string[] {
    return [...this.steps.values()].filter((step) => step.state === 'blocked').map((step) => step.name);
  }

  /** Starts a run and returns its plan. */
  begin(kind: RunKind): Plan {
    this.run += 1;
    this.running = kind;
    this.stoppedBecause = undefined;
    const plan = planOf(this.spec.stack);
    if (kind === 'verify') {
      // What is installed keeps its state; only the proof is made again.
      const proofOnly = plan
        .filter((step) => step.name === verificationStep)
        .map((step) => ({ ...step, needs: [] }));
      this.update(verificationStep, { state: 'pending' });
      return proofOnly;
    }
    if (kind === 'teardown') {
      this.touch();
      return removalPlanOf(plan);
    }
    this.reset(plan);
    return plan;
  }

  /** Ends a run: for good, or because of something. */
  end(stoppedBecause?: string): void {
    this.running = undefined;
    this.stoppedBecause ??= stoppedBecause;
    this.touch();
  }

  /** Names the reason before the run ends, where the first of several is the one that counts. */
  stopBecause(reason: string): void {
    this.stoppedBecause ??= reason;
  }

  markRemoved(): void {
    this.removed = true;
    this.running = undefined;
    this.touch();
  }

  stepStarted(step: Step): void {
    this.update(step.name, {
      state: this.running === 'teardown' ? 'removing' : 'running',
      startedAt: Date.now(),
    });
  }

  stepDone(step: Step, outcome: string): void {
    const state = this.running === 'teardown' ? 'removed' : 'done';
    this.update(step.name, { ...this.times(step), state, outcome, endedAt: Date.now() });
  }

  stepBlocked(step: Step, failure: Failure): void {
    this.update(step.name, { ...this.times(step), state: 'blocked', failure, endedAt: Date.now() });
  }

  /** For good: with `failFast` nobody is asked. */
  stepFailed(step: Step, failure: Failure): void {
    this.stoppedBecause ??= `${step.name} failed: ${failure.message}`;
    this.update(step.name, { ...this.times(step), state: 'failed', failure, endedAt: Date.now() });
  }

  stepSkipped(step: Step): void {
    this.update(step.name, { ...this.times(step), state: 'skipped', outcome: 'skipped by decision' });
  }

  stepCancelled(step: Step): void {
    const { failure } = this.steps.get(step.name) ?? {};
    this.update(step.name, {
      ...this.times(step),
      state: 'cancelled',
      endedAt: Date.now(),
      ...(failure && { failure }),
    });
  }

  proved(proof: Proof): void {
    this.proof = proof;
    this.touch();
  }

  progress(): Progress {
    return {
      environment: this.name,
      phase: this.phase,
      stack: this.spec.stack.name,
      target: this.spec.target.kind,
      run: this.run,
      startedAt: this.startedAt,
      updatedAt: this.updatedAt,
      steps: [...this.steps.values()],
      ...(this.hostId !== undefined && { hostId: this.hostId }),
      ...(this.cluster && { cluster: this.cluster }),
      ...(this.proof && { proof: this.proof }),
      ...(this.stoppedBecause !== undefined && { stoppedBecause: this.stoppedBecause }),
    };
  }

  private times(step: Step): { startedAt?: number } {
    const startedAt = this.steps.get(step.name)?.startedAt;
    return startedAt === undefined ? {} : { startedAt };
  }

  private reset(plan: Plan): void {
    this.steps = new Map(plan.map((step) => [step.name, { ...step, state: 'pending' }]));
    this.touch();
  }

  private update(name: string, change: Omit<StepProgress, keyof Step>): void {
    const { kind, title, needs } = this.steps.get(name) as StepProgress;
    this.steps.set(name, { name, kind, title, needs, ...change });
    this.touch();
  }

  private touch(): void {
    this.updatedAt = Date.now();
    this.changed(this.progress());
  }
}
