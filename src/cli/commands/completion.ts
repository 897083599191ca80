import type { Command } from 'commander';
import { type CliContext, type ExitCode, exitCodes } from '../context.js';
import {
  type CompletedCommand,
  completionTree,
  type CompletionTree,
  type Flag,
  type FlagValue,
  type Shell,
} from '../program/completion-tree.js';
import { shellQuote } from '../views/format.js';

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

/** A completion script for bash 3.2 and later; needs no package. Runs nothing of what is being typed. */
export function bashCompletion({ program, flags, commands }: CompletionTree): string {
  const names = commands.map(({ name }) => name).join(' ');
  const values = commands.flatMap(({ name, flags: own }) => own.flatMap((flag) => valueCase(name, flag)));
  const words = commands.map(
    ({ name, flags: own, choices }) =>
      `    ${name}) flags='${flagWords([...own, ...flags])}'; words='${choices.join(' ')}' ;;`,
  );
  return `# bash completion for ${program}: source <(${program} completion bash)
_${program}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command='' word flags words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [[ $word != -* ]]; then command=$word; break; fi
  done
  COMPREPLY=()
  case "$command $previous" in
${values.join('\n')}
  esac
  case "$command" in
    '') flags='${flagWords(flags)}'; words='${names}' ;;
${words.join('\n')}
    *) return ;;
  esac
  if [[ $current == -* || -z $words ]]; then words=$flags; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _${program} ${program}
`;
}

function flagWords(flags: readonly Flag[]): string {
  return [...new Set(flags.map(({ long }) => long))].join(' ');
}

function valueCase(command: string, { short, long, value }: Flag): string[] {
  if (!value) return [];
  const pattern = [short, long]
    .filter((name) => name !== undefined)
    .map((name) => `'${command} ${name}'`)
    .join('|');
  const suggest = (words: string): string => `COMPREPLY=($(compgen -W "${words}" -- "$current"))`;
  const action = {
    choices: () => suggest(value.kind === 'choices' ? value.choices.join(' ') : ''),
    environment: () => suggest(`$${listEnvironmentsLine}`),
    file: () => 'compopt -o default 2>/dev/null',
    text: () => ':',
  }[value.kind]();
  return [`    ${pattern}) ${action}; return ;;`];
}

/** A completion script for zsh: to be sourced, or put into a folder of $fpath as `_<program>`. */
export function zshCompletion({ program, flags, commands }: CompletionTree): string {
  const described = commands.map(({ name, description }) => shellQuote(`${name}:${description}`));
  const cases = commands.map((command) => commandCase(command, flags));
  return `#compdef ${program}
# zsh completion for ${program}: source <(${program} completion zsh)
_${program}_environments() {
  local -a names
  names=(\${(f)"$${listEnvironmentsLine}"})
  compadd -a names
}
_${program}() {
  local context state state_descr line
  typeset -A opt_args
  local -a commands
  commands=(
    ${described.join('\n    ')}
  )
  _arguments -C ${flags.map(argumentOf).join(' ')} '1: :->command' '*:: :->rest'
  case $state in
    command) _describe command commands ;;
    rest)
      case $words[1] in
${cases.join('\n')}
      esac ;;
  esac
}
if [ "$funcstack[1]" = "_${program}" ]; then _${program} "$@"; else compdef _${program} ${program}; fi
`;
}

function commandCase({ name, flags, choices }: CompletedCommand, shared: readonly Flag[]): string {
  const own = new Set(flags.map(({ long }) => long));
  const all = [...flags, ...shared.filter(({ long }) => !own.has(long))].map(argumentOf);
  const first = choices.length > 0 ? [shellQuote(`1: :(${choices.join(' ')})`)] : [];
  return `        ${name}) _arguments ${[...all, ...first].join(' ')} ;;`;
}

function argumentOf({ short, long, description, value }: Flag): string {
  const text = `[${description.replace(/[[\]\\:]/gu, '\\$&')}]${value ? `: :${valueOf(value)}` : ''}`;
  return short === undefined
    ? shellQuote(`${long}${text}`)
    : `${shellQuote(`(${short} ${long})`)}{${short},${long}}${shellQuote(text)}`;
}

function valueOf(value: FlagValue): string {
  switch (value.kind) {
    case 'choices':
      return `(${value.choices.join(' ')})`;
    case 'environment':
      return '_tracewright_environments';
    case 'file':
      return '_files';
    case 'text':
      return '';
  }
}

/** A completion script for fish: to be sourced, or saved as ~/.config/fish/completions/<program>.fish. */
export function fishCompletion({ program, flags, commands }: CompletionTree): string {
  const complete = (condition: string, rest: string): string =>
    `complete -c ${program} -n ${shellQuote(condition)} ${rest}`;
  const seen = (name: string): string => `__fish_seen_subcommand_from ${name}`;
  return [
    `# fish completion for ${program}: ${program} completion fish | source`,
    `complete -c ${program} -f`,
    ...flags.map((flag) => complete('__fish_use_subcommand', flagText(flag))),
    ...commands.map(({ name, description }) =>
      complete('__fish_use_subcommand', `-a ${name} -d ${shellQuote(description)}`),
    ),
    ...commands.flatMap(({ name, flags: own, choices }) => [
      ...own.map((flag) => complete(seen(name), flagText(flag))),
      ...(choices.length > 0 ? [complete(seen(name), `-a ${shellQuote(choices.join(' '))}`)] : []),
    ]),
    '',
  ].join('\n');
}

function flagText({ short, long, description, value }: Flag): string {
  return [
    ...(short === undefined ? [] : [`-s ${short.slice(1)}`]),
    `-l ${long.slice(2)}`,
    `-d ${shellQuote(description)}`,
    ...(value ? [valueText(value)] : []),
  ].join(' ');
}

function valueText(value: FlagValue): string {
  switch (value.kind) {
    case 'choices':
      return `-x -a ${shellQuote(value.choices.join(' '))}`;
    case 'environment':
      return `-x -a ${shellQuote(`(sh -c ${shellQuote(listEnvironmentsLine)})`)}`;
    case 'file':
      return '-r -F';
    case 'text':
      return '-x';
  }
}

/**
 * A line of POSIX shell that prints the names of the environments that this machine has a folder of. Asking the
 * Temporal server would be exact, and too slow for a Tab.
 */
const listEnvironmentsLine =
  '(cd "${TRACEWRIGHT_STATE_DIR:-${XDG_STATE_HOME:-$HOME/.local/state}/tracewright}/environments" 2>/dev/null && ls)';
