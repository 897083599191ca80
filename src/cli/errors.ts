import type { CommanderError } from 'commander';
import { countOf } from '../domain/duration.js';
import {
  type Failure,
  isRanked,
  isTracewrightError,
  toFailure,
  TracewrightError,
} from '../domain/failure.js';
import { redact } from '../tools/redact.js';
import { type ExitCode, exitCodes } from './context.js';
import type { Paint } from './views/format.js';
import { shorten, wrap } from './views/text-width.js';

interface FailureLinesOptions {
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
    message: `The Temporal server failed the request: ${why}`,
    remedy:
      'Run the command again: it restarts whatever has stopped. `tracewright logs temporal` shows what the server said.',
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

/** Where there is not room for all. */
const rowsALine = 2;
/** Nobody who looks for a fix reads more than this. */
const mostRows = 12;
/** Fewer prove nothing. */
const fewestRows = 3;

/** Shows all of it. */
const wholeCommand = 'tracewright status --full';

/**
 * The evidence of a failure in at most `rows` rows (3 to 12 of them), each `columns` wide: the most telling lines, each
 * cut to two rows, and how many more there are. Of ranked evidence the beginning tells most; of all other, which ends
 * in the newest events or in a log's last lines, mostly the end.
 */
export function shortEvidence(
  { type, evidence = [] }: Failure,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): string[] {
  const room = Math.min(mostRows, Math.max(fewestRows, rows));
  const whole = evidence.map((line) => wrappedRows(line, columns));
  if (whole.flat().length <= room) return whole.flat();
  const cut = whole.map((lines) => cutTo(lines, columns));
  const shown = chooseLines(cut, isRanked(type), room - 1);
  const hidden = evidence.length - shown.size;
  const more = `… ${hidden > 0 ? countOf(hidden, 'more line') : 'uncut'}: ${wholeCommand}`;
  const gap = cut.findIndex((_, index) => !shown.has(index));
  return [
    ...cut.flatMap((lines, index) => [...(index === gap ? [more] : []), ...(shown.has(index) ? lines : [])]),
    ...(gap < 0 ? [more] : []),
  ];
}

/** Secrets go before lines are broken: behind a break they could not be recognised. */
function wrappedRows(text: string, columns: number): string[] {
  return redact(text)
    .split('\n')
    .flatMap((line) => wrap(line, columns));
}

function cutTo(lines: readonly string[], columns: number): string[] {
  const kept = lines.slice(0, rowsALine).map((line) => shorten(line, columns));
  if (lines.length <= rowsALine) return kept;
  return [...kept.slice(0, -1), shorten(`${kept.at(-1) ?? ''} …`, columns)];
}

/** The numbers of those that fit into `room` rows, the most telling first in. */
function chooseLines(lines: readonly (readonly string[])[], ranked: boolean, room: number): Set<number> {
  const chosen = new Set<number>();
  let left = room;
  for (const index of ranked ? lines.keys() : fromBothEnds(lines.length)) {
    left -= lines[index]?.length ?? 0;
    if (left < 0) break;
    chosen.add(index);
  }
  return chosen;
}

/** The last, the first, the last but one, the last but two, the second …: two of the end for one of the beginning. */
function* fromBothEnds(count: number): Generator<number> {
  let [first, last] = [0, count - 1];
  for (let turn = 0; first <= last; turn += 1) {
    if (turn % 3 === 1) yield first++;
    else yield last--;
  }
}

/**
 * A usage error of commander's, in our words: `Unknown option '--stak'. Did you mean --stack?`
 * @param command the words before the mistake that are a command; empty when there is none
 */
export function usageError(error: CommanderError, command: string | undefined): TracewrightError {
  const [first = '', ...hints] = error.message.replace(/^error: /u, '').split('\n');
  const sentence = first.charAt(0).toUpperCase() + first.slice(1).replace(/\.$/u, '');
  const hint = hints.map((line) => ` ${line.replace(/^\((.*)\)$/u, '$1')}`).join('');
  return new TracewrightError({
    type: 'usage.invalid',
    message: `${sentence}.${hint}`,
    remedy: `\`${['tracewright', ...(command === undefined ? [] : [command]), '--help'].join(' ')}\` shows what it takes.`,
    cause: error,
  });
}
