import type { Command } from 'commander';
import type { StatusOptions } from '../commands/status.js';
import type { VerifyOptions } from '../commands/verify.js';
import { examples, named, type Wiring } from './parts.js';

/** `status`, `verify`, `list` */
export function registerLook(program: Command, { context, finish }: Wiring): void {
  program.commandsGroup('Look:');

  named(program.command('status'))
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
      finish(await (await import('../commands/status.js')).status(context, options));
    });

  named(program.command('verify'))
    .description('prove again, with a fresh ride, that the environment works')
    .option('--json', 'print one JSON object a line for each event')
    .addHelpText('after', examples('tracewright verify'))
    .action(async (options: VerifyOptions) => {
      finish(await (await import('../commands/verify.js')).verify(context, options));
    });

  program
    .command('list')
    .description('all environments')
    .option('--json', 'print them as JSON')
    .addHelpText('after', examples('tracewright list'))
    .action(async (options: { json?: boolean }) => {
      finish(await (await import('../commands/list.js')).list(context, options));
    });
}
