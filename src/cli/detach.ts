import type { Phase } from '../domain/progress.js';

const goesOn: Partial<Record<Phase, string>> = {
  Provisioning: 'the install goes on',
  Upgrading: 'the upgrade goes on',
  Verifying: 'the check goes on',
  TearingDown: 'the teardown goes on',
};

/**
 * What a person reads who leaves an environment in the middle of its work: that it goes on, and how to come back.
 * @param phase undefined when nothing has been seen of it yet
 */
export function detachedLines(name: string, phase: Phase | undefined): string[] {
  const what = (phase && goesOn[phase]) ?? 'its work goes on';
  const back =
    phase === 'TearingDown'
      ? [[`tracewright down --name ${name}`, 'comes back, and ends the Temporal server with the last one']]
      : [
          [`tracewright status --watch --name ${name}`, 'comes back to it'],
          [`tracewright down --name ${name}`, 'takes everything away'],
        ];
  const columns = Math.max(...back.map(([command = '']) => command.length));
  return [
    `Detached from ${name}: ${what} in the background.`,
    ...back.map(([command = '', means = '']) => `  ${command.padEnd(columns)}   ${means}`),
  ];
}
