import { listEnvironmentsLine } from './environments.js';
import type { CompletionTree, Flag } from './tree.js';

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
