import { Command } from 'commander';
import { exitCodeMeanings, type CliContext, type ExitCode } from './context.js';
import { registerDecide } from './program/decide.js';
import { registerHelpOut } from './program/help-out.js';
import { registerInspect } from './program/inspect.js';
import { registerInstall } from './program/install.js';
import { registerLife } from './program/life.js';
import { registerLook } from './program/look.js';
import { examples } from './program/parts.js';
import { registerRemove } from './program/remove.js';
import { registerShell } from './program/shell.js';

/**
 * The command line: src/cli/program/ registers the commands, group by group, in the order of the help.
 * @param finish sets the exit code
 */
export function createProgram(context: CliContext, finish: (code: ExitCode) => void): Command {
  const program = new Command('tracewright')
    .description(
      'Installs a complete tracing stack on Kubernetes, proves it with a real trace, and takes it away again.',
    )
    .version(context.version)
    .option('--debug', 'print stack traces with errors')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', mainHelp());

  const groups = [
    registerInstall,
    registerLook,
    registerInspect,
    registerHelpOut,
    registerDecide,
    registerLife,
    registerRemove,
    registerShell,
  ];
  for (const register of groups) register(program, { context, finish });

  // What is wrong with a call is thrown (see usageError) and printed like every other error.
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({ outputError: () => undefined });
  return program;
}

function mainHelp(): string {
  const codes = Object.entries(exitCodeMeanings).map(([code, means]) => `  ${code.padEnd(4)} ${means}`);
  return [
    examples(
      'tracewright up              # from nothing to a proved trace; again: go on, or check',
      'tracewright status --watch  # come back after Ctrl-C',
      'tracewright down            # everything away',
    ),
    '',
    'Exit codes:',
    ...codes,
  ].join('\n');
}
