import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { exitCodes, type CliContext } from './cli/context.js';
import { errorLines, exitCodeOf, usageError } from './cli/errors.js';
import { createProgram } from './cli/program.js';
import { createPaint } from './cli/views/format.js';
import { readConfig, requireGood, requireWorkingFolder } from './config.js';
import { sharedSignal } from './tools/shared-signal.js';

/** Runs the command line and sets the exit code of the process. */
export async function main(argv: readonly string[]): Promise<void> {
  const debug = argv.includes('--debug');
  let paint = createPaint(false);
  const interrupted = new AbortController();
  try {
    requireWorkingFolder();
    const { config, problems } = readConfig();
    paint = createPaint(process.stdout.isTTY && !isDumb(config) && !config.environment['NO_COLOR']);
    process.exitCode = exitCodes.ok;
    const program = createProgram(createContext(config, paint, interrupted), (code) => {
      process.exitCode = code;
    });
    // Not before: the help, and `config`, are what one looks at when something is set wrongly.
    program.hook('preAction', (_program, command) => {
      if (command.name() !== 'config') requireGood(problems);
    });
    try {
      await program.parseAsync([...argv]);
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      if (error.exitCode === 0) return;
      // Called without a command: commander has printed the help.
      if (error.code === 'commander.help') process.exitCode = exitCodes.usage;
      else throw usageError(error, program.commands.find((it) => it.name() === argv[2])?.name());
    }
  } catch (error) {
    if (interrupted.signal.aborted) {
      console.error('Interrupted.');
      process.exitCode = exitCodes.detached;
      endSoon();
      if (!debug) return;
    } else process.exitCode = exitCodeOf(error);
    for (const line of errorLines(error, paint, debug)) console.error(line);
  }
}

/** Nobody waits any more for a question that still has no answer. What cleans up after itself has a moment for it. */
function endSoon(): void {
  setTimeout(() => process.exit(), 500).unref();
}

function createContext(
  config: CliContext['config'],
  paint: CliContext['paint'],
  interrupted: AbortController,
): CliContext {
  const unread = new AbortController();
  // Once: whoever presses Ctrl-C again is in a hurry and gets the default.
  process.once('SIGINT', () => {
    interrupted.abort();
  });
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (stream === process.stdout) unread.abort();
    });
  }
  return {
    config,
    version: ownVersion(),
    paint,
    signal: sharedSignal(interrupted.signal, unread.signal),
    interrupted: sharedSignal(interrupted.signal),
    terminal: canRedraw(config) ? process.stdout : undefined,
    columns: process.stdout.columns || 100,
    print: (line) => {
      console.log(line);
    },
    note: (line) => {
      console.error(line);
    },
  };
}

/** In CI somebody reads a log, later. */
function canRedraw(config: CliContext['config']): boolean {
  return process.stdout.isTTY && !isDumb(config) && !config.environment['CI'];
}

/** A terminal that only knows lines, such as Emacs's shell. */
function isDumb({ environment }: CliContext['config']): boolean {
  return environment['TERM'] === 'dumb';
}

function ownVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
