import { listEnvironmentsLine, quote } from './environments.js';
import type { CompletedCommand, CompletionTree, Flag, FlagValue } from './tree.js';

/** A completion script for zsh: to be sourced, or put into a folder of $fpath as `_<program>`. */
export function zshCompletion({ program, flags, commands }: CompletionTree): string {
  const described = commands.map(({ name, description }) => quote(`${name}:${description}`));
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
  const first = choices.length > 0 ? [quote(`1: :(${choices.join(' ')})`)] : [];
  return `        ${name}) _arguments ${[...all, ...first].join(' ')} ;;`;
}

function argumentOf({ short, long, description, value }: Flag): string {
  const text = `[${description.replace(/[[\]\\:]/gu, '\\$&')}]${value ? `: :${valueOf(value)}` : ''}`;
  return short === undefined
    ? quote(`${long}${text}`)
    : `${quote(`(${short} ${long})`)}{${short},${long}}${quote(text)}`;
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
