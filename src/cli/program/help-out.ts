import { Argument, type Command } from 'commander';
import type { ConfigOptions } from '../commands/config.js';
import type { DiagOptions } from '../commands/diag.js';
import type { DoctorOptions } from '../commands/doctor.js';
import { targetOptions } from '../target-options.js';
import { type Shell, shells } from './completion-tree.js';
import { examples, named, parameterOptions, sourced, stackOption, type Wiring } from './options.js';

/** `doctor`, `config`, `diag` */
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

  named(program.command('config'))
    .description('every setting that counts here, where it comes from, and what is wrong with it')
    .option('--json', 'print the settings as JSON')
    .addHelpText(
      'after',
      examples('tracewright config', "tracewright config --json | jq '.settings[] | select(.problem)'"),
    )
    .action(async (options: ConfigOptions) => {
      finish(await (await import('../commands/config.js')).config(context, options));
    });

  named(program.command('diag'))
    .description('write one archive with all that helps somebody else to see what is wrong, without secrets')
    .argument('[environment]', 'the same as --name')
    .option('-o, --output <file>', 'where to (default: here, named after the environment and the time)')
    .option('--force', 'write over a file that is there')
    .option('--json', 'print what is inside, and what is missing, as JSON')
    .addHelpText(
      'after',
      examples('tracewright diag', 'tracewright diag demo --output demo.tar.gz', 'tar -tzf demo.tar.gz'),
    )
    .action(async (environment: string | undefined, options: DiagOptions) => {
      finish(await (await import('../commands/diag.js')).diag(context, environment, options));
    });
}

/** `completion`, `help` */
export function registerShell(program: Command, { context, finish }: Wiring): void {
  program.commandsGroup('Shell:');

  program
    .command('completion')
    .description('print a script that completes commands, flags and names in your shell')
    .addArgument(new Argument('<shell>', 'your shell').choices(shells))
    .addHelpText(
      'after',
      examples(
        'source <(tracewright completion bash)   # in ~/.bashrc',
        'source <(tracewright completion zsh)    # in ~/.zshrc',
        'tracewright completion fish | source    # in ~/.config/fish/config.fish',
      ),
    )
    .action(async (shell: Shell) => {
      finish((await import('../commands/completion.js')).completion(context, program, shell));
    });

  program.helpCommand(true);
}
