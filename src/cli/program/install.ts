import type { Command } from 'commander';
import type { SaveOptions } from '../commands/images.js';
import type { LockCommandOptions } from '../commands/lock.js';
import type { PlanOptions } from '../commands/plan.js';
import type { UpOptions } from '../install-spec.js';
import { duration, examples, named, parameterOptions, sourced, stackOption, type Wiring } from './options.js';
import { targetOptions } from '../target-options.js';

/** `up`, `plan`, `lock`, `images` */
export function registerInstall(program: Command, { context, finish }: Wiring): void {
  program.commandsGroup('Install:');

  installLife(parameterOptions(sourced(targetOptions(stackOption(named(program.command('up')))))))
    .description('install, go on with an interrupted install, or check and prove again what is installed')
    .addHelpText(
      'after',
      examples(
        'tracewright up',
        'tracewright up --stack embedded --name branch-42 --fail-fast',
        'tracewright up --set tempo.values.tempo.retention=24h --values prometheus-stack=./prometheus.yaml',
      ),
    )
    .action(async (options: UpOptions) => {
      finish(await (await import('../commands/up.js')).up(context, options));
    });

  parameterOptions(sourced(targetOptions(named(program.command('plan')))))
    .description('say what `up` with the same options would do; changes and starts nothing')
    .option('-s, --stack <name|file>', 'a built-in stack or a stack file of your own')
    .option('--diff', 'show what becomes of each object; contents of Secrets stay hidden')
    .option('--json', 'print the plan as JSON')
    .addHelpText(
      'after',
      examples(
        'tracewright plan --stack tutorial --target kubeconfig',
        'tracewright plan --set tempo.values.tempo.retention=24h --diff',
      ),
    )
    .action(async (options: PlanOptions) => {
      finish(await (await import('../commands/plan.js')).plan(context, options));
    });

  parameterOptions(sourced(program.command('lock')), 'lock')
    .description('write the digests of charts and images beside a stack; `up` then takes nothing else')
    .requiredOption('-s, --stack <name|file>', 'a built-in stack or a stack file of your own')
    .option('--check', 'write nothing; fail when a digest has changed')
    .addHelpText(
      'after',
      examples(
        'tracewright lock --stack ./mine.yaml',
        'tracewright lock --stack ./mine.yaml --set tempo.values.tempo.tag=2.0.1',
        'tracewright lock -s tutorial --check',
      ),
    )
    .action(async (options: LockCommandOptions) => {
      finish(await (await import('../commands/lock.js')).lock(context, options));
    });

  const images = program.command('images').description('images for machines that reach no registry');
  parameterOptions(sourced(images.command('save')), 'lock')
    .description(
      'write the images of a stack as archives, for `up --images-from FOLDER` on the embedded cluster',
    )
    .requiredOption('-s, --stack <name|file>', 'a built-in stack or a stack file of your own')
    .requiredOption('--to <folder>', 'where the archives go; one an image')
    .addHelpText(
      'after',
      examples(
        'tracewright images save --stack tutorial --to ./images',
        'tracewright up --stack tutorial --target embedded --images-from ./images --charts-from ./charts',
      ),
    )
    .action(async (options: SaveOptions) => {
      finish(await (await import('../commands/images.js')).saveStackImages(context, options));
    });
}

/** Lets a command say how an install goes on, how long it lives, and what is printed of it. */
export function installLife(command: Command): Command {
  return command
    .option('--fail-fast', 'end at the first failed step instead of waiting for a decision (for CI)')
    .option('--ttl <duration>', 'take it down by itself after this time, such as 4h', duration)
    .option(
      '--verify-every <duration>',
      'look for drift and prove it again at this interval, such as 30m',
      duration,
    )
    .option('--detach', 'start it and return; `status --watch` follows it')
    .option('--json', 'print one JSON object a line for each event');
}
