import { CancellationScope, condition } from '@temporalio/workflow';
import type { EnvironmentSpec } from '../domain/progress.js';
import type { RunKind } from './environment-state.js';

export type Decision = 'retry' | 'skip';

export interface RunRequest {
  readonly kind: Exclude<RunKind, 'teardown'>;
  readonly spec: EnvironmentSpec;
}

/** What people, and the clocks, asked of the environment and what has not been answered yet. */
export class Inbox {
  private teardown: { readonly because?: string } | undefined;
  private request: RunRequest | undefined;
  private readonly decisions = new Map<string, Decision>();
  private current: CancellationScope | undefined;

  get teardownRequested(): boolean {
    return this.teardown !== undefined;
  }

  /** Set when nobody asked for it. */
  get teardownBecause(): string | undefined {
    return this.teardown?.because;
  }

  /** The run that goes on has been told to stop and is ending what it had started. */
  get isInterrupted(): boolean {
    return this.current?.consideredCancelled ?? false;
  }

  get hasRequest(): boolean {
    return this.request !== undefined;
  }

  requestTeardown(because?: string): void {
    this.teardown ??= because === undefined ? {} : { because };
    this.interrupt();
  }

  requestRun(request: RunRequest): void {
    this.request = request;
    this.interrupt();
  }

  takeRequest(): RunRequest | undefined {
    const { request } = this;
    this.request = undefined;
    return request;
  }

  decide(step: string, decision: Decision): void {
    this.decisions.set(step, decision);
  }

  /** Waits for a decision about `step`; throws a CancelledFailure when the run is interrupted meanwhile. */
  async decisionFor(step: string): Promise<Decision> {
    this.decisions.delete(step);
    await condition(() => this.decisions.has(step));
    const decision = this.decisions.get(step) as Decision;
    this.decisions.delete(step);
    return decision;
  }

  /** Runs `work` in a scope that `interrupt` cancels. A teardown that came first cancels it at once. */
  async interruptible(work: () => Promise<void>): Promise<void> {
    const scope = new CancellationScope();
    this.current = scope;
    if (this.teardown) scope.cancel();
    try {
      await scope.run(work);
    } finally {
      this.current = undefined;
    }
  }

  interrupt(): void {
    this.current?.cancel();
  }
}
