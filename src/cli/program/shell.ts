import { Argument, type Command } from 'commander';
import { shells, type Shell } from '../completion/shells.js';
import { examples, type Wiring } from './parts.js';

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
