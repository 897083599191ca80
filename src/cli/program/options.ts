import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CliContext, ExitCode } from '../context.js';
import { durationPattern, durationRule } from '../../domain/duration.js';
import { environmentNameRule, isEnvironmentName } from '../../domain/names.js';

/** What a group of commands is registered with. Each command loads its own code only when it is called. */
export interface Wiring {
  readonly context: CliContext;
  /** Sets the exit code. */
  readonly finish: (code: ExitCode) => void;
}

/** What all commands take that speak of one environment. */
export interface EnvironmentOptions {
  name?: string;
}

/** Lets a command speak of one environment: `--name`, which may be left out where there is only one. */
export function named(command: Command): Command {
  return command.addOption(
    new Option('-n, --name <name>', 'the environment (default: the only one there is)').argParser(
      environmentName,
    ),
  );
}

/** Lets a command speak of a stack that is to be installed. */
export function stackOption(command: Command): Command {
  return command.option('-s, --stack <name|file>', 'a built-in stack or a stack file of your own');
}

/** Lets a command take charts and images from elsewhere. */
export function sourced(command: Command): Command {
  return command
    .option('--charts-from <place>', 'take charts from a folder of .tgz files, a repository URL or oci://…')
    .option(
      '--images-from <registry>',
      'take images from a registry, such as registry.local:5000/mirror, or (embedded) a folder of archives',
    );
}

function environmentName(value: string): string {
  if (isEnvironmentName(value)) return value;
  throw new InvalidArgumentError(environmentNameRule);
}

/** As in stack files: `90s`, `30m`, `4h`. Parses a command's argument. */
export function duration(value: string): string {
  if (durationPattern.test(value)) return value;
  throw new InvalidArgumentError(`It ${durationRule}.`);
}

/** The end of a command's help. */
export function examples(...lines: string[]): string {
  return ['', 'Examples:', ...lines.map((line) => `  ${line}`)].join('\n');
}

/**
 * Adds `--set` with its kin, `--values` and `--reset-values`; `readParameters` reads them.
 * @param kept the command whose parameters stay until it is given others
 */
export function parameterOptions(command: Command, kept: 'up' | 'lock' = 'up'): Command {
  const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
  return command
    .option(
      '--set <assignment>',
      'set one Helm value: component.values.path=value, repeatable; never a secret',
      collect,
    )
    .option('--set-string <assignment>', 'the same; the value is a text, whatever it looks like', collect)
    .option('--set-json <assignment>', 'the same; the value is JSON', collect)
    .option('--set-file <assignment>', 'the same; the value is the text of a file', collect)
    .option('--values <component=file>', 'merge a file of Helm values, repeatable; never secrets', collect)
    .option('--reset-values', `forget --set and --values of the last ${kept}`);
}
