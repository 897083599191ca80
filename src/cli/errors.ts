import { isTracewrightError, toFailure, type Failure } from '../domain/failure.js';
import { redact } from '../tools/redact.js';
import { exitCodes, type ExitCode } from './context.js';
import type { Paint } from './paint.js';
import { wrap } from './text-width.js';

export interface FailureLinesOptions {
  /** Where lines are broken between words. @default nowhere: whoever reads a log searches for whole sentences */
  readonly columns?: number;
}

/** What, where and why in the first line, then the evidence, then what to do. Never a stack trace. */
export function failureLines(
  failure: Failure,
  paint: Paint,
  { columns = Infinity }: FailureLinesOptions = {},
): string[] {
  const { type, evidence = [] } = failure;
  const head = `error [${type}]`;
  // Not painted yet, so that the words can be counted.
  const [first = '', ...more] = broken(`${'x'.repeat(head.length)} ${failure.message}`, columns);
  return [
    `${paint('red', 'error')} ${paint('dim', `[${type}]`)}${first.slice(head.length)}`,
    ...more,
    ...evidence.flatMap((line) => broken(line, columns - 4).map((part) => paint('dim', `  │ ${part}`))),
    ...broken(failure.remedy, columns - 4).map((line, index) =>
      index === 0 ? `${paint('cyan', '  → ')}${line}` : `    ${line}`,
    ),
  ];
}

/** Secrets go before lines are broken: behind a break they could not be recognised. */
function broken(text: string, columns: number): string[] {
  const clean = redact(text);
  return columns === Infinity ? [clean] : clean.split('\n').flatMap((line) => wrap(line, columns));
}

/** Lines for an error that ends a command. `debug` adds the stack trace. */
export function errorLines(error: unknown, paint: Paint, debug: boolean): string[] {
  const lines = failureLines(outageOf(error) ?? toFailure(error), paint);
  if (debug && error instanceof Error) lines.push(redact(stackOf(error)));
  return lines;
}

/**
 * A call to the Temporal server that failed in its middle: the server went away, or would not have it. Told by its name:
 * the client of Temporal is not loaded for a wrong flag.
 */
function outageOf(error: unknown): Failure | undefined {
  if (!(error instanceof Error) || error.name !== 'ServiceError') return undefined;
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
