import { Command, InvalidArgumentError, Option } from 'commander';
import { targetKinds } from '../domain/stack.js';
import type { DownOptions } from './commands/down.js';
import type { StatusOptions } from './commands/status.js';
import type { UpOptions } from './commands/up.js';
import type { VerifyOptions } from './commands/verify.js';
import type { CliContext, ExitCode } from './context.js';
import { environmentNameRule, isEnvironmentName } from './environment-name.js';

/** What all commands take that speak of one environment. */
export interface EnvironmentOptions {
  name?: string;
}

function environmentName(value: string): string {
  if (isEnvironmentName(value)) return value;
  throw new InvalidArgumentError(environmentNameRule);
}

/**
 * The command line. Each command loads its own code only when it is called, so that `--help` answers at once.
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
    .exitOverride();

  const named = (command: Command): Command =>
    command.addOption(
      new Option('-n, --name <name>', 'the environment (default: the only one there is)').argParser(
        environmentName,
      ),
    );

  named(program.command('up'))
    .description('install, go on with an interrupted install, or check and prove again what is installed')
    .option('-s, --stack <name|file>', 'a built-in stack or a stack file of your own')
    .addOption(
      new Option('-t, --target <kind>', 'where the cluster comes from')
        .choices(['auto', ...targetKinds])
        .default('auto'),
    )
    .option('--fail-fast', 'end at the first failed step instead of waiting for a decision (for CI)')
    .option('--ttl <duration>', 'take it down by itself after this time, such as 4h', duration)
    .option(
      '--verify-every <duration>',
      'look for drift and prove it again at this interval, such as 30m',
      duration,
    )
    .option('--detach', 'start it and return; `tracewright status --watch` follows it')
    .option('--json', 'print one JSON object a line for each event')
    .addHelpText(
      'after',
      examples('tracewright up', 'tracewright up --stack embedded --name branch-42 --fail-fast'),
    )
    .action(async (options: UpOptions) => {
      finish(await (await import('./commands/up.js')).up(context, options));
    });

  named(program.command('status'))
    .description('what an environment is, step by step')
    .option('--watch', 'follow it until nothing runs any more')
    .option('--json', 'print the progress as JSON')
    .addHelpText(
      'after',
      examples('tracewright status', "tracewright status --json | jq '.steps[] | {name, state}'"),
    )
    .action(async (options: StatusOptions) => {
      finish(await (await import('./commands/status.js')).status(context, options));
    });

  named(program.command('verify'))
    .description('prove again, with a fresh ride, that the environment works')
    .option('--json', 'print one JSON object a line for each event')
    .addHelpText('after', examples('tracewright verify'))
    .action(async (options: VerifyOptions) => {
      finish(await (await import('./commands/verify.js')).verify(context, options));
    });

  for (const verb of ['retry', 'skip'] as const) {
    named(program.command(verb))
      .description(verb === 'retry' ? 'try a blocked step again' : 'go on without a blocked step')
      .argument('[step]', 'the step (default: the only blocked one)')
      .addHelpText('after', examples(`tracewright ${verb} collector`))
      .action(async (step: string | undefined, options: EnvironmentOptions) => {
        finish(await (await import('./commands/decide.js')).decide(context, verb, step, options));
      });
  }

  named(program.command('abort'))
    .description('stop what runs; what is installed stays')
    .addHelpText('after', examples('tracewright abort'))
    .action(async (options: EnvironmentOptions) => {
      finish(await (await import('./commands/abort.js')).abort(context, options));
    });

  for (const verb of ['pause', 'resume'] as const) {
    named(program.command(verb))
      .description(verb === 'pause' ? 'start no further step; what runs goes on' : 'go on after a pause')
      .addHelpText('after', examples(`tracewright ${verb}`))
      .action(async (options: EnvironmentOptions) => {
        finish(await (await import('./commands/life.js')).pauseOrResume(context, verb, options));
      });
  }

  named(program.command('extend'))
    .description('set anew how long the environment lives')
    .argument('<life>', 'a duration from now such as 4h, or forever', lifeOf)
    .addHelpText('after', examples('tracewright extend 4h', 'tracewright extend forever'))
    .action(async (life: string, options: EnvironmentOptions) => {
      finish(await (await import('./commands/life.js')).extend(context, life, options));
    });

  named(program.command('down'))
    .description('take everything away, at any moment, also in the middle of an install')
    .addHelpText('after', examples('tracewright down', 'tracewright down --name branch-42'))
    .action(async (options: DownOptions) => {
      finish(await (await import('./commands/down.js')).down(context, options));
    });

  program
    .command('list')
    .description('all environments')
    .option('--json', 'print them as JSON')
    .action(async (options: { json?: boolean }) => {
      finish(await (await import('./commands/list.js')).list(context, options));
    });

  // What is wrong with a call is thrown (see usageError) and printed like every other error.
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({ outputError: () => undefined });
  return program;
}

/** As in stack files: `90s`, `30m`, `4h`. */
function duration(value: string): string {
  if (/^\d+(?:s|m|h)$/u.test(value)) return value;
  throw new InvalidArgumentError('It must be a number with s, m or h, such as 90s, 30m or 4h.');
}

function lifeOf(value: string): string {
  return value === 'forever' ? value : duration(value);
}

function examples(...lines: string[]): string {
  return ['', 'Examples:', ...lines.map((line) => `  ${line}`)].join('\n');
}
