import { patched } from '@temporalio/workflow';
import type { Failure } from '../domain/failure.js';
import { leftoversOf, type Leftover } from '../domain/leftovers.js';
import {
  installedPlanOf,
  planOf,
  removalPlanOf,
  verificationStep,
  type Plan,
  type Step,
} from '../domain/plan.js';
import type {
  ClusterRef,
  ComponentDrift,
  EnvironmentSpec,
  Phase,
  Progress,
  StepProgress,
} from '../domain/progress.js';
import type { Proof } from '../domain/proof.js';
import type { Component } from '../domain/stack.js';
import { Lifetime, type LifetimeSnapshot } from './lifetime.js';
import { patches } from './messages.js';
import { StepBoard } from './step-board.js';

/** Why the plan runs. `check` is a verification by schedule: it looks for drift first. */
export type RunKind = 'provision' | 'upgrade' | 'verify' | 'check' | 'teardown';

const phaseOfRun = {
  provision: 'Provisioning',
  upgrade: 'Upgrading',
  verify: 'Verifying',
  check: 'Verifying',
  teardown: 'TearingDown',
} as const satisfies Record<RunKind, Phase>;

/** What an environment remembers. Part of the wire, as the input of the next run: add fields, never rename them. */
interface Remembered {
  readonly spec: EnvironmentSpec;
  readonly startedAt: number;
  /** Of the plan. */
  readonly run: number;
  readonly leftovers: readonly Leftover[];
  readonly hostId?: string;
  readonly cluster?: ClusterRef;
  readonly proof?: Proof;
  readonly installTraceId?: string;
  readonly lastVerifiedAt?: number;
  readonly drift?: readonly ComponentDrift[];
  readonly driftObservedAt?: number;
  readonly paused?: true;
  readonly stoppedBecause?: string;
}

/** What crosses a continue-as-new. */
export interface StateSnapshot extends Remembered {
  readonly steps: readonly StepProgress[];
  readonly lifetime: LifetimeSnapshot;
}

/**
 * What an environment knows about itself, and the only place that changes it. `changed` is called after every change,
 * for whoever publishes the state.
 */
export class EnvironmentState {
  private readonly name: string;
  private readonly changed: (progress: Progress) => void;
  private readonly lifetime: Lifetime;
  private known: Remembered;
  private board: StepBoard;
  private updatedAt = Date.now();
  private running: RunKind | undefined;
  private removed = false;
  private queuedSince: number | undefined;

  private constructor(
    name: string,
    { steps, lifetime, ...known }: StateSnapshot,
    changed: (progress: Progress) => void,
  ) {
    this.name = name;
    this.known = known;
    this.board = new StepBoard(steps);
    this.lifetime = new Lifetime(lifetime);
    this.changed = changed;
  }

  /** Of an environment that is to be installed. */
  static fromSpec(
    { name, spec, hostId }: { name: string; spec: EnvironmentSpec; hostId?: string },
    changed: (progress: Progress) => void,
  ): EnvironmentState {
    const steps = StepBoard.of(planOf(spec.stack)).list();
    const state = new EnvironmentState(name, firstSnapshot(spec, steps, hostId), changed);
    state.lifetime.adopt(spec);
    return state;
  }

  /** Of an environment at rest, as `toSnapshot` left it. */
  static fromSnapshot(
    name: string,
    snapshot: StateSnapshot,
    changed: (progress: Progress) => void,
  ): EnvironmentState {
    const state = new EnvironmentState(name, snapshot, changed);
    state.touch();
    return state;
  }

  toSnapshot(): StateSnapshot {
    return { ...this.known, steps: this.board.list(), lifetime: this.lifetime.toSnapshot() };
  }

  get spec(): EnvironmentSpec {
    return this.known.spec;
  }

  get hostId(): string | undefined {
    return this.known.hostId;
  }

  get cluster(): ClusterRef | undefined {
    return this.known.cluster;
  }

  get phase(): Phase {
    if (this.removed) return 'Removed';
    if (this.blockedSteps().length > 0) return 'Blocked';
    if (this.queuedSince !== undefined) return 'Queued';
    if (this.running) return phaseOfRun[this.running];
    return this.known.stoppedBecause === undefined ? 'Ready' : 'Stopped';
  }

  get runNumber(): number {
    return this.known.run;
  }

  get runningKind(): RunKind | undefined {
    return this.running;
  }

  get isPaused(): boolean {
    return this.known.paused === true;
  }

  get expiresAt(): number | undefined {
    return this.lifetime.expiresAt;
  }

  get nextVerificationAt(): number | undefined {
    const isAtRest = this.phase === 'Ready' || (this.running === 'check' && this.phase === 'Blocked');
    return isAtRest && !this.isPaused ? this.lifetime.verificationAt : undefined;
  }

  /** Whether the step of the plan that runs, or ran last, did its work. */
  isDone(step: string): boolean {
    return this.board.list().some(({ name, state }) => name === step && state === 'done');
  }

  blockedSteps(): string[] {
    return this.board.blocked();
  }

  /** A run goes on, and nothing happens in it until somebody decides. */
  get waitsForPeople(): boolean {
    return (this.isPaused || this.blockedSteps().length > 0) && !this.board.runs();
  }

  get leftovers(): readonly Leftover[] {
    return this.known.leftovers;
  }

  leftover(step: string): Leftover | undefined {
    return this.known.leftovers.find((leftover) => leftover.step === step);
  }

  /** What a step of the plan is about; `undefined` for the plan's own steps. */
  definitionOf(step: Step): Component | undefined {
    return this.leftover(step.name)?.definition ?? this.spec.stack.components[step.name];
  }

  /** What the environment is to be from now on. What only the old stack had is remembered until it is removed. */
  adopt(spec: EnvironmentSpec): void {
    this.lifetime.adopt(spec);
    const earlier = this.known.leftovers;
    const keepNames = earlier.length > 0 && patched(patches.leftoversKeepNames);
    const leftovers = leftoversOf(this.spec.stack, spec.stack, earlier, { keepNames });
    // The cluster is there: what it was made as counts, not what a newer client would make. Its images may come from
    // elsewhere from now on.
    const { images: _, ...made } = this.spec.target;
    const { images } = spec.target;
    this.note({ spec: { ...spec, target: { ...made, ...(images && { images }) } }, leftovers });
  }

  /** Starts a run and returns its plan. */
  begin(kind: RunKind): Plan {
    this.running = kind;
    const { stoppedBecause: _, ...known } = this.known;
    this.known = { ...known, run: known.run + 1 };
    const { stack } = this.spec;
    const { leftovers } = known;
    switch (kind) {
      case 'verify':
      case 'check':
        // What is installed keeps its state; only the proof is made again.
        this.board.waits(verificationStep);
        this.touch();
        return planOf(stack)
          .filter((step) => step.name === verificationStep)
          .map((step) => ({ ...step, needs: [] }));
      case 'teardown':
        this.lifetime.busy();
        this.note({});
        return removalPlanOf(installedPlanOf(stack, leftovers));
      default:
        return this.beginInstall(planOf(stack, leftovers));
    }
  }

  /** Ends a run: for good, or because of something. */
  end(stoppedBecause?: string): void {
    const installed = this.running === 'provision' || this.running === 'upgrade';
    this.running = undefined;
    if (stoppedBecause !== undefined) this.stopBecause(stoppedBecause);
    this.lifetime.rests(Date.now(), installed && this.known.stoppedBecause === undefined);
    this.touch();
  }

  /** Names the reason before the run ends, where the first of several is the one that counts. */
  stopBecause(reason: string): void {
    this.note({ stoppedBecause: this.known.stoppedBecause ?? reason });
  }

  markRemoved(): void {
    this.removed = true;
    this.running = undefined;
    this.touch();
  }

  pause(): void {
    this.note({ paused: true });
  }

  resume(): void {
    const { paused: _, ...known } = this.known;
    this.known = known;
    this.touch();
  }

  extend(ms: number | null): void {
    const installing = this.running !== undefined && this.phase !== 'Blocked';
    this.lifetime.extend(ms, Date.now(), installing && this.running !== 'verify' && this.running !== 'check');
    this.touch();
  }

  /** The machine that holds the cluster. */
  claimedBy(hostId: string): void {
    this.note({ hostId });
  }

  clusterMade(cluster: ClusterRef): void {
    this.note({ cluster });
  }

  /** The run waits until the machine has a slot for it. */
  queues(): void {
    this.queuedSince = Date.now();
    this.touch();
  }

  leavesQueue(): void {
    this.queuedSince = undefined;
    this.touch();
  }

  /** It needs no decision any more and has not begun yet. */
  stepWaits({ name }: Step): void {
    this.board.waits(name);
    this.touch();
  }

  stepStarted({ name, removes }: Step): void {
    this.board.starts(name, this.takesAway(removes) ? 'removing' : 'running');
    this.touch();
  }

  stepDone({ name, removes }: Step, outcome: string): void {
    const removed = this.takesAway(removes);
    this.board.ends(name, removed ? 'removed' : 'done', outcome);
    this.note(removed ? { leftovers: this.known.leftovers.filter(({ step }) => step !== name) } : {});
  }

  stepBlocked({ name }: Step, failure: Failure): void {
    if (this.running !== 'teardown') this.lifetime.rests(Date.now(), false);
    this.board.fails(name, 'blocked', failure);
    this.touch();
  }

  /** For good: with `failFast` nobody is asked. */
  stepFailed({ name }: Step, failure: Failure): void {
    this.board.fails(name, 'failed', failure);
    this.stopBecause(`${name} failed: ${failure.message}`);
  }

  stepSkipped({ name }: Step): void {
    this.board.skips(name);
    this.touch();
  }

  stepCancelled({ name }: Step): void {
    this.board.cancels(name);
    this.touch();
  }

  proved(proof: Proof): void {
    this.note({ proof, lastVerifiedAt: Date.now() });
  }

  /** The trace of the install that ends now is in the trace store. */
  installTraced(installTraceId: string): void {
    this.note({ installTraceId });
  }

  driftObserved(drift: readonly ComponentDrift[]): void {
    this.note({ drift, driftObservedAt: Date.now() });
  }

  progress(): Progress {
    const { spec, leftovers: _, ...known } = this.known;
    const { expiresAt, nextVerificationAt, queuedSince } = this;
    return {
      environment: this.name,
      phase: this.phase,
      stack: spec.stack.name,
      target: spec.target.kind,
      updatedAt: this.updatedAt,
      steps: this.board.list(),
      ...known,
      ...(queuedSince !== undefined && { queuedSince }),
      ...(expiresAt !== undefined && { expiresAt }),
      ...(nextVerificationAt !== undefined && { nextVerificationAt }),
    };
  }

  private beginInstall(plan: Plan): Plan {
    this.lifetime.busy();
    // The install mends what had drifted, and has a trace of its own.
    const { drift: _, driftObservedAt: __, installTraceId: ___, ...known } = this.known;
    this.known = known;
    this.board = StepBoard.of(plan);
    this.touch();
    return plan;
  }

  private takesAway(removes: true | undefined): boolean {
    return this.running === 'teardown' || removes === true;
  }

  private note(news: Partial<Remembered>): void {
    this.known = { ...this.known, ...news };
    this.touch();
  }

  private touch(): void {
    this.updatedAt = Date.now();
    this.changed(this.progress());
  }
}

/** Of an environment that is to be installed: it knows its spec, and perhaps the machine that will hold its cluster. */
function firstSnapshot(
  spec: EnvironmentSpec,
  steps: readonly StepProgress[],
  hostId: string | undefined,
): StateSnapshot {
  return {
    spec,
    startedAt: Date.now(),
    run: 0,
    leftovers: [],
    steps,
    lifetime: {},
    ...(hostId !== undefined && { hostId }),
  };
}
