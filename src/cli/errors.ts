import { isTracewrightError, toFailure, type Failure } from '../domain/failure.js';
import { redact } from '../tools/redact.js';
import { exitCodes, type ExitCode } from './context.js';
import type { Paint } from './paint.js';

/** What, where and why in one line, what to do in the next; evidence between them. Never a stack trace. */
export function failureLines(failure: Failure, paint: Paint): string[] {
  return [
    `${paint('red', 'error')} ${paint('dim', `[${failure.type}]`)} ${failure.message}`,
    ...(failure.evidence ?? []).map((line) => paint('dim', `  │ ${line}`)),
    `${paint('cyan', '  → ')}${failure.remedy}`,
  ].map((line) => redact(line));
}

/** Lines for an error that ends a command. `debug` adds the stack trace. */
export function errorLines(error: unknown, paint: Paint, debug: boolean): string[] {
  const lines = failureLines(toFailure(error), paint);
  if (debug && error instanceof Error) lines.push(redact(stackOf(error)));
  return lines;
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
