import { isTracewrightError, toFailure, type Failure } from '../domain/failure.js';
import { redact } from '../tools/redact.js';
import { exitCodes, type ExitCode } from './context.js';
import { shortEvidence, wrappedRows } from './evidence-lines.js';
import type { Paint } from './paint.js';

export interface FailureLinesOptions {
  /** Where lines are broken between words. @default nowhere: whoever reads a log searches for whole sentences */
  readonly columns?: number;
  /**
   * Of a terminal, for all of it: the evidence gets what the first and the last lines leave, so that both are seen
   * together.
   * @default all of the evidence
   */
  readonly rows?: number | undefined;
}

/** What, where and why in the first line, then the evidence, then what to do. Never a stack trace. */
export function failureLines(
  failure: Failure,
  paint: Paint,
  { columns = Infinity, rows }: FailureLinesOptions = {},
): string[] {
  const { type, evidence = [] } = failure;
  const width = columns - 4;
  const head = `error [${type}]`;
  // Not painted yet, so that the words can be counted.
  const [first = '', ...more] = broken(`${'x'.repeat(head.length)} ${failure.message}`, columns);
  const remedy = broken(failure.remedy, width);
  const shown =
    rows === undefined
      ? evidence.flatMap((line) => broken(line, width))
      : shortEvidence(failure, { columns: width, rows: rows - 1 - more.length - remedy.length });
  return [
    `${paint('red', 'error')} ${paint('dim', `[${type}]`)}${first.slice(head.length)}`,
    ...more,
    ...shown.map((line) => paint('dim', `  │ ${line}`)),
    ...remedy.map((line, index) => (index === 0 ? `${paint('cyan', '  → ')}${line}` : `    ${line}`)),
  ];
}

function broken(text: string, columns: number): string[] {
  return columns === Infinity ? [redact(text)] : wrappedRows(text, columns);
}

/** Lines for an error that ends a command. `debug` adds the stack trace. */
export function errorLines(error: unknown, paint: Paint, debug: boolean): string[] {
  const lines = failureLines(outageOf(error) ?? toFailure(error), paint);
  if (debug && error instanceof Error) lines.push(redact(stackOf(error)));
  return lines;
}

const outages: ReadonlySet<string> = new Set(['ServiceError', 'WorkflowUpdateRPCTimeoutOrCancelledError']);

/**
 * A call to the Temporal server that failed in its middle: the server went away, or would not have it. Told by its
 * name: the client of Temporal is not loaded for a wrong flag.
 */
function outageOf(error: unknown): Failure | undefined {
  if (!(error instanceof Error) || !outages.has(error.name)) return undefined;
  const why = error.cause instanceof Error ? error.cause.message : error.message;
  return {
    type: 'temporal.unreachable',
    message: `The Temporal server did not do what it was asked for: ${why}`,
    remedy:
      'Run the command again: it starts what has ended. `tracewright logs temporal` shows what the server said.',
    retryable: true,
  };
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : '';
  return (error.stack ?? error.message) + cause;
}

export function exitCodeOf(error: unknown): ExitCode {
  if (!isTracewrightError(error)) return exitCodes.failed;
  const wrongInput =
    error.type.startsWith('usage.') || error.type.startsWith('stack.') || error.type.startsWith('config.');
  return wrongInput ? exitCodes.usage : exitCodes.failed;
}
