import type { Command } from 'commander';

/**
 * Adds `--set`, `--values` and `--reset-values`; `readParameters` reads them.
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
    .option('--values <component=file>', 'merge a file of Helm values, repeatable; never secrets', collect)
    .option('--reset-values', `forget --set and --values of the last ${kept}`);
}
