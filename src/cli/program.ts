import { Command } from 'commander';
import type { VerifyOptions } from './commands/control.js';
import type { DownOptions } from './commands/down.js';
import type { ListOptions } from './commands/list.js';
import type { StatusOptions } from './commands/status.js';
import { type CliContext, type ExitCode, exitCodeMeanings } from './context.js';
import { registerFleet } from './program/fleet.js';
import { registerHelpOut, registerShell } from './program/help-out.js';
import { registerInspect } from './program/inspect.js';
import { registerInstall } from './program/install.js';
import { duration, type EnvironmentOptions, examples, named, type Wiring } from './program/options.js';
import { clusterOptions } from './target-options.js';

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
    registerFleet,
    registerHelpOut,
    registerDecide,
    registerLife,
    registerRemove,
    registerShell,
  ];
  for (const register of groups) register(program, { context, finish });

  // What is wrong with a call is thrown (see usageError) and printed like every other error.
  for (const command of withCommands(program))
    command.exitOverride().configureOutput({ outputError: () => undefined });
  return program;
}

/** The command, and all below it. */
export function withCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withCommands)];
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

/** `status`, `verify`, `list` */
function registerLook(program: Command, { context, finish }: Wiring): void {
  program.commandsGroup('Look:');

  clusterOptions(named(program.command('status')))
    .description('what an environment is, step by step')
    .option('--watch', 'follow it until nothing runs any more')
    .option('--full', 'with all of the evidence and all facts, also where a terminal has no room for them')
    .option('--json', 'print the progress as JSON')
    .addHelpText(
      'after',
      examples(
        'tracewright status',
        'tracewright status --full | less',
        "tracewright status --json | jq '.steps[] | {name, state}'",
      ),
    )
    .action(async (options: StatusOptions) => {
      finish(await (await import('./commands/status.js')).status(context, options));
    });

  named(program.command('verify'))
    .description('prove again, with a fresh ride, that the environment works')
    .option('--json', 'print one JSON object a line for each event')
    .addHelpText('after', examples('tracewright verify'))
    .action(async (options: VerifyOptions) => {
      finish(await (await import('./commands/control.js')).verify(context, options));
    });

  clusterOptions(program.command('list'))
    .description('all environments, and what exists of those that no workflow looks after')
    .option('--json', 'print them as JSON')
    .addHelpText('after', examples('tracewright list'))
    .action(async (options: ListOptions) => {
      finish(await (await import('./commands/list.js')).list(context, options));
    });
}

/** `retry`, `skip`, `abort` */
function registerDecide(program: Command, { context, finish }: Wiring): void {
  program.commandsGroup('Decide about a blocked step:');

  for (const verb of ['retry', 'skip'] as const) {
    named(program.command(verb))
      .description(verb === 'retry' ? 'try a blocked step again' : 'go on without a blocked step')
      .argument('[step]', 'the step (default: the only blocked one)')
      .addHelpText('after', examples(`tracewright ${verb} collector`))
      .action(async (step: string | undefined, options: EnvironmentOptions) => {
        finish(await (await import('./commands/control.js')).decide(context, verb, step, options));
      });
  }

  named(program.command('abort'))
    .description('stop what runs; what is installed stays')
    .addHelpText('after', examples('tracewright abort'))
    .action(async (options: EnvironmentOptions) => {
      finish(await (await import('./commands/control.js')).abort(context, options));
    });
}

/** `pause`, `resume`, `extend` */
function registerLife(program: Command, { context, finish }: Wiring): void {
  program.commandsGroup('Life of an environment:');

  for (const verb of ['pause', 'resume'] as const) {
    named(program.command(verb))
      .description(verb === 'pause' ? 'start no further step; what runs goes on' : 'go on after a pause')
      .addHelpText('after', examples(`tracewright ${verb}`))
      .action(async (options: EnvironmentOptions) => {
        finish(await (await import('./commands/control.js')).pauseOrResume(context, verb, options));
      });
  }

  named(program.command('extend'))
    .description('set anew how long the environment lives')
    .argument('<life>', 'a duration from now such as 4h, or forever', lifeOf)
    .addHelpText('after', examples('tracewright extend 4h', 'tracewright extend forever'))
    .action(async (life: string, options: EnvironmentOptions) => {
      finish(await (await import('./commands/control.js')).extend(context, life, options));
    });
}

function lifeOf(value: string): string {
  return value === 'forever' ? value : duration(value);
}

/** `down` */
function registerRemove(program: Command, { context, finish }: Wiring): void {
  program.commandsGroup('Remove:');

  clusterOptions(named(program.command('down')))
    .description('take everything away, at any moment, also in the middle of an install')
    .addHelpText('after', examples('tracewright down', 'tracewright down --name branch-42'))
    .action(async (options: DownOptions) => {
      finish(await (await import('./commands/down.js')).down(context, options));
    });
}
