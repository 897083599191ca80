import type { Command } from 'commander';
import type { DoctorOptions } from '../commands/doctor.js';
import { parameterOptions } from '../parameters/options.js';
import { targetOptions } from '../target-options.js';
import { examples, named, sourced, stackOption, type Wiring } from './parts.js';

/** `doctor` */
export function registerHelpOut(program: Command, { context, finish }: Wiring): void {
  program.commandsGroup('When something is wrong:');

  parameterOptions(sourced(targetOptions(stackOption(named(program.command('doctor'))))))
    .description('look whether `up` can go on here: every check, with the reason and what to do')
    .option('--json', 'print the checks as JSON')
    .addHelpText(
      'after',
      examples(
        'tracewright doctor',
        'tracewright doctor --target k3d --stack tutorial',
        'tracewright doctor --json | jq \'.checks[] | select(.state != "ok")\'',
      ),
    )
    .action(async (options: DoctorOptions) => {
      finish(await (await import('../commands/doctor.js')).doctor(context, options));
    });
}
