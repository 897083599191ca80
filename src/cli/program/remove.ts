import type { Command } from 'commander';
import type { DownOptions } from '../commands/down.js';
import { examples, named, type Wiring } from './parts.js';

/** `down` */
export function registerRemove(program: Command, { context, finish }: Wiring): void {
  program.commandsGroup('Remove:');

  named(program.command('down'))
    .description('take everything away, at any moment, also in the middle of an install')
    .addHelpText('after', examples('tracewright down', 'tracewright down --name branch-42'))
    .action(async (options: DownOptions) => {
      finish(await (await import('../commands/down.js')).down(context, options));
    });
}
