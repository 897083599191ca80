import { mostAttempts, mostCalls, type StepAttempt, type ToolCall } from '../domain/step-attempt.js';
import { redact } from '../tools/redact.js';

/** What this attempt of a step has done so far, after what the attempts before it did. */
export class AttemptLog {
  private readonly attempt: number;
  private readonly earlier: readonly StepAttempt[];
  readonly startedAt = Date.now();
  private readonly calls: ToolCall[] = [];
  private phase: Pick<ToolCall, 'tool' | 'name' | 'startedAt'> | undefined;

  /** @param earlier as the last heartbeat of the attempt before knew them */
  constructor(attempt: number, earlier: readonly StepAttempt[]) {
    this.attempt = attempt;
    this.earlier = earlier.filter((it) => it.attempt < attempt).slice(-(mostAttempts - 1));
  }

  readonly note = (call: ToolCall): void => {
    if (this.calls.length >= mostCalls) return;
    const { name, error } = call;
    this.calls.push({ ...call, name: redact(name), ...(error !== undefined && { error: redact(error) }) });
  };

  /** Notes how long work takes, and whether it fails. */
  readonly timed = async <T>(tool: string, name: string, work: () => Promise<T>): Promise<T> => {
    const startedAt = Date.now();
    try {
      const result = await work();
      this.note({ tool, name, startedAt, endedAt: Date.now() });
      return result;
    } catch (error) {
      const type = (error as { readonly type?: unknown }).type;
      const why = typeof type === 'string' ? type : 'failed';
      this.note({ tool, name, startedAt, endedAt: Date.now(), error: why });
      throw error;
    }
  };

  /**
   * Begins a phase of work that tells what it does, and ends the one before. What stands behind a colon, and how many of
   * how many, is detail: `Importing image 3 of 13: …`.
   */
  readonly enter = (tool: string, text: string): void => {
    const name = text.replace(/ \d+ of \d+|:.*/gsu, '');
    if (this.phase?.name === name) return;
    this.leave();
    this.phase = { tool, name, startedAt: Date.now() };
  };

  /** All attempts, this one as its last. @param failure the type of the one that ends it */
  list(failure?: string): readonly StepAttempt[] {
    if (failure !== undefined) this.leave();
    const now = Date.now();
    const calls = this.phase ? [...this.calls, { ...this.phase, endedAt: now }] : this.calls;
    const { attempt, startedAt } = this;
    return [
      ...this.earlier,
      { attempt, startedAt, endedAt: now, ...(failure !== undefined && { failure }), calls: [...calls] },
    ];
  }

  private leave(): void {
    if (this.phase) this.note({ ...this.phase, endedAt: Date.now() });
    this.phase = undefined;
  }
}
