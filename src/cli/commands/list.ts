import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { listEnvironments } from '../environments.js';
import { openExistingSession } from '../session.js';

/** Lists the environments that are not removed. */
export async function list(context: CliContext, options: { json?: boolean }): Promise<ExitCode> {
  const session = await openExistingSession(context);
  try {
    const environments = session ? await listEnvironments(session.client) : [];
    if (options.json) {
      context.print(JSON.stringify(environments, undefined, 2));
    } else if (environments.length === 0) {
      context.print('There is no environment. `tracewright up` makes one.');
    } else {
      const width = Math.max(...environments.map(({ name }) => name.length));
      for (const { name, phase, stack, target, startedAt } of environments) {
        context.print(
          `${name.padEnd(width)}  ${phase.padEnd(12)}  stack ${stack}, target ${target}, since ${startedAt.toISOString()}`,
        );
      }
    }
    return exitCodes.ok;
  } finally {
    await session?.close();
  }
}
