import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { createProgram } from './cli/program.js';
import { createPaint } from './cli/paint.js';
import { exitCodes, type CliContext } from './cli/context.js';
import { errorLines, exitCodeOf } from './cli/errors.js';
import { loadConfig } from './config.js';

/** Runs the command line and sets the exit code of the process. */
export async function main(argv: readonly string[]): Promise<void> {
  const debug = argv.includes('--debug');
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  let paint = createPaint(false);
  try {
    const config = loadConfig();
    paint = createPaint(process.stdout.isTTY && config.environment['NO_COLOR'] === undefined);
    const context = createContext(version, config, paint);
    process.exitCode = exitCodes.ok;
    const program = createProgram(context, (code) => {
      process.exitCode = code;
    });
    await program.parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
      return;
    }
    for (const line of errorLines(error, paint, debug)) console.error(line);
    process.exitCode = exitCodeOf(error);
  }
}

function createContext(
  version: string,
  config: CliContext['config'],
  paint: CliContext['paint'],
): CliContext {
  const abort = new AbortController();
  process.once('SIGINT', () => {
    abort.abort();
  });
  // `tracewright list | head -1` closes our output early; that is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(exitCodes.ok);
  });
  return {
    config,
    version,
    paint,
    signal: abort.signal,
    interactive: process.stdout.isTTY && config.environment['CI'] === undefined,
    columns: process.stdout.columns || 100,
    print: (line) => {
      console.log(line);
    },
    note: (line) => {
      console.error(line);
    },
  };
}
