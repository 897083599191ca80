import type { Failure } from '../domain/failure.js';
import type { Plan, Step } from '../domain/plan.js';
import type { StepProgress } from '../domain/progress.js';

/** How far each step is. */
export class StepBoard {
  private steps: Map<string, StepProgress>;

  constructor(steps: readonly StepProgress[]) {
    this.steps = new Map(steps.map((step) => [step.name, step]));
  }

  static of(plan: Plan): StepBoard {
    return new StepBoard(plan.map((step) => ({ ...step, state: 'pending' })));
  }

  list(): StepProgress[] {
    return [...this.steps.values()];
  }

  blocked(): string[] {
    return this.list()
      .filter(({ state }) => state === 'blocked')
      .map(({ name }) => name);
  }

  /** Whether a step is at work. */
  runs(): boolean {
    return this.list().some(({ state }) => state === 'running' || state === 'removing');
  }

  waits(name: string): void {
    this.set(name, { state: 'pending' });
  }

  starts(name: string, state: 'running' | 'removing'): void {
    this.set(name, { state, startedAt: Date.now() });
  }

  ends(name: string, state: 'done' | 'removed', outcome: string): void {
    this.set(name, { ...this.start(name), state, outcome, endedAt: Date.now() });
  }

  fails(name: string, state: 'blocked' | 'failed', failure: Failure): void {
    this.set(name, { ...this.start(name), state, failure, endedAt: Date.now() });
  }

  skips(name: string): void {
    this.set(name, { ...this.start(name), state: 'skipped', outcome: 'skipped by decision' });
  }

  cancels(name: string): void {
    const failure = this.steps.get(name)?.failure;
    this.set(name, {
      ...this.start(name),
      state: 'cancelled',
      endedAt: Date.now(),
      ...(failure && { failure }),
    });
  }

  private start(name: string): { startedAt?: number } {
    const startedAt = this.steps.get(name)?.startedAt;
    return startedAt === undefined ? {} : { startedAt };
  }

  private set(name: string, change: Omit<StepProgress, keyof Step>): void {
    const { kind, title, needs, removes } = this.steps.get(name) as StepProgress;
    this.steps.set(name, { name, kind, title, needs, ...(removes && { removes }), ...change });
  }
}
