import type { Command } from 'commander';
import { bashCompletion } from '../completion/bash.js';
import { fishCompletion } from '../completion/fish.js';
import type { Shell } from '../completion/shells.js';
import { completionTree, type CompletionTree } from '../completion/tree.js';
import { zshCompletion } from '../completion/zsh.js';
import { exitCodes, type CliContext, type ExitCode } from '../context.js';

const scripts: Readonly<Record<Shell, (tree: CompletionTree) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** Prints the completion script of a shell. */
export function completion({ print }: CliContext, program: Command, shell: Shell): ExitCode {
  print(scripts[shell](completionTree(program)).trimEnd());
  return exitCodes.ok;
}
