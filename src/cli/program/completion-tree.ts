import type { Command, Option } from 'commander';

/** The shells that there are completions for. */
export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** What may stand behind a flag. */
export type FlagValue =
  | { readonly kind: 'choices'; readonly choices: readonly string[] }
  /** The name of an environment of this machine. */
  | { readonly kind: 'environment' }
  | { readonly kind: 'file' }
  /** Nothing that could be suggested. */
  | { readonly kind: 'text' };

export interface Flag {
  /** `-t`, where there is one. */
  readonly short?: string;
  readonly long: string;
  readonly description: string;
  /** Absent: the flag stands alone. */
  readonly value?: FlagValue;
}

export interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly Flag[];
  /** What its first argument may be, as far as that is known. */
  readonly choices: readonly string[];
}

/** What shells can complete of a command line; `commands` without the hidden ones. */
export interface CompletionTree {
  readonly program: string;
  readonly flags: readonly Flag[];
  readonly commands: readonly CompletedCommand[];
}

/** Reads the whole command line from commander, which has it for the help anyway. */
export function completionTree(program: Command): CompletionTree {
  const help = program.createHelp();
  const names = help.visibleCommands(program).map((command) => command.name());
  return {
    program: program.name(),
    flags: flagsOf(program),
    commands: help.visibleCommands(program).map((command) => ({
      name: command.name(),
      description: command.description(),
      flags: flagsOf(command),
      choices: command.name() === 'help' ? names : (command.registeredArguments[0]?.argChoices ?? []),
    })),
  };
}

function flagsOf(command: Command): Flag[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap((option) => {
      const { short, long, description } = option;
      if (long === undefined) return [];
      const value = valueOf(option);
      return [{ long, description, ...(short !== undefined && { short }), ...(value && { value }) }];
    });
}

function valueOf({ required, optional, argChoices, flags, long }: Option): FlagValue | undefined {
  if (!required && !optional) return undefined;
  if (argChoices) return { kind: 'choices', choices: argChoices };
  if (long === '--name') return { kind: 'environment' };
  return { kind: /file|path|folder/u.test(flags) ? 'file' : 'text' };
}
