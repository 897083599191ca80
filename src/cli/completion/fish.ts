import { listEnvironmentsLine, quote } from './environments.js';
import type { CompletionTree, Flag, FlagValue } from './tree.js';

/** A completion script for fish: to be sourced, or saved as ~/.config/fish/completions/<program>.fish. */
export function fishCompletion({ program, flags, commands }: CompletionTree): string {
  const complete = (condition: string, rest: string): string =>
    `complete -c ${program} -n ${quote(condition)} ${rest}`;
  const seen = (name: string): string => `__fish_seen_subcommand_from ${name}`;
  return [
    `# fish completion for ${program}: ${program} completion fish | source`,
    `complete -c ${program} -f`,
    ...flags.map((flag) => complete('__fish_use_subcommand', flagText(flag))),
    ...commands.map(({ name, description }) =>
      complete('__fish_use_subcommand', `-a ${name} -d ${quote(description)}`),
    ),
    ...commands.flatMap(({ name, flags: own, choices }) => [
      ...own.map((flag) => complete(seen(name), flagText(flag))),
      ...(choices.length > 0 ? [complete(seen(name), `-a ${quote(choices.join(' '))}`)] : []),
    ]),
    '',
  ].join('\n');
}

function flagText({ short, long, description, value }: Flag): string {
  return [
    ...(short === undefined ? [] : [`-s ${short.slice(1)}`]),
    `-l ${long.slice(2)}`,
    `-d ${quote(description)}`,
    ...(value ? [valueText(value)] : []),
  ].join(' ');
}

function valueText(value: FlagValue): string {
  switch (value.kind) {
    case 'choices':
      return `-x -a ${quote(value.choices.join(' '))}`;
    case 'environment':
      return `-x -a ${quote(`(sh -c ${quote(listEnvironmentsLine)})`)}`;
    case 'file':
      return '-r -F';
    case 'text':
      return '-x';
  }
}
