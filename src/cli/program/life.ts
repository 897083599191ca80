import type { Command } from 'commander';
import { duration, examples, named, type EnvironmentOptions, type Wiring } from './parts.js';

/** `pause`, `resume`, `extend` */
export function registerLife(program: Command, { context, finish }: Wiring): void {
  program.commandsGroup('Life of an environment:');

  for (const verb of ['pause', 'resume'] as const) {
    named(program.command(verb))
      .description(verb === 'pause' ? 'start no further step; what runs goes on' : 'go on after a pause')
      .addHelpText('after', examples(`tracewright ${verb}`))
      .action(async (options: EnvironmentOptions) => {
        finish(await (await import('../commands/life.js')).pauseOrResume(context, verb, options));
      });
  }

  named(program.command('extend'))
    .description('set anew how long the environment lives')
    .argument('<life>', 'a duration from now such as 4h, or forever', lifeOf)
    .addHelpText('after', examples('tracewright extend 4h', 'tracewright extend forever'))
    .action(async (life: string, options: EnvironmentOptions) => {
      finish(await (await import('../commands/life.js')).extend(context, life, options));
    });
}

function lifeOf(value: string): string {
  return value === 'forever' ? value : duration(value);
}
