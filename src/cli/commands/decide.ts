import { TracewrightError } from '../../domain/failure.js';
import { ask } from '../ask.js';
import type { CliContext, ExitCode } from '../context.js';
import { queryProgress, sendUpdate } from '../environments.js';
import { followToEnd } from '../follow-to-end.js';
import { onEnvironment } from '../on-environment.js';

/** Decides about a blocked step and follows what comes of it. */
export async function decide(
  context: CliContext,
  verb: 'retry' | 'skip',
  step: string | undefined,
  options: { name?: string },
): Promise<ExitCode> {
  return onEnvironment(context, options.name, async (session, name) => {
    const blocked = step ?? onlyBlocked((await queryProgress(session.client, name)).steps);
    await ask(context, session, (client, updateId) =>
      sendUpdate(client, name, verb, { step: blocked, updateId }),
    );
    return followToEnd(context, session, name, { json: false });
  });
}

function onlyBlocked(steps: readonly { name: string; state: string }[]): string {
  const blocked = steps.filter(({ state }) => state === 'blocked').map(({ name }) => name);
  const [first, ...others] = blocked;
  if (first !== undefined && others.length === 0) return first;
  throw new TracewrightError({
    type: 'usage.invalid',
    message:
      first === undefined ? 'No step is blocked.' : `Several steps are blocked: ${blocked.join(', ')}.`,
    remedy: first === undefined ? 'See `tracewright status`.' : 'Name the one that you mean.',
  });
}
