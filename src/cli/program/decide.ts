import type { Command } from 'commander';
import { examples, named, type EnvironmentOptions, type Wiring } from './parts.js';

/** `retry`, `skip`, `abort` */
export function registerDecide(program: Command, { context, finish }: Wiring): void {
  program.commandsGroup('Decide about a blocked step:');

  for (const verb of ['retry', 'skip'] as const) {
    named(program.command(verb))
      .description(verb === 'retry' ? 'try a blocked step again' : 'go on without a blocked step')
      .argument('[step]', 'the step (default: the only blocked one)')
      .addHelpText('after', examples(`tracewright ${verb} collector`))
      .action(async (step: string | undefined, options: EnvironmentOptions) => {
        finish(await (await import('../commands/decide.js')).decide(context, verb, step, options));
      });
  }

  named(program.command('abort'))
    .description('stop what runs; what is installed stays')
    .addHelpText('after', examples('tracewright abort'))
    .action(async (options: EnvironmentOptions) => {
      finish(await (await import('../commands/abort.js')).abort(context, options));
    });
}
