import type { Config } from '../config.js';
import type { Paint } from './views/format.js';
import type { Terminal } from './views/redraw.js';

/** What every command gets from its surroundings. */
export interface CliContext {
  readonly config: Config;
  /** The version of Tracewright. */
  readonly version: string;
  /** One line for the person, on standard output. */
  readonly print: (line: string) => void;
  /** One line beside the result, on standard error: stays out of pipes. */
  readonly note: (line: string) => void;
  readonly paint: Paint;
  /** Standard output, where a person looks at it and lines may be drawn again. */
  readonly terminal: Terminal | undefined;
  /** Of the terminal when the command began. */
  readonly columns: number;
  /** Aborted by Ctrl-C, and when nobody reads our output any more (`tracewright status --watch | head -1`). */
  readonly signal: AbortSignal;
  /** Aborted by Ctrl-C alone. */
  readonly interrupted: AbortSignal;
}

/** Documented in docs/reference/commands.md. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, blocked: 3, detached: 130 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** For the help. */
export const exitCodeMeanings: Readonly<Record<ExitCode, string>> = {
  0: 'done',
  1: 'failed',
  2: 'wrong usage: flag, argument, stack file, configuration',
  3: 'blocked: a step waits for a decision',
  130: 'detached by Ctrl-C: the work goes on in the background',
};
