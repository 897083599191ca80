import { durationMs } from '../../domain/duration.js';
import type { ExtendArguments, ExtendResult } from '../../workflows/messages.js';
import { ask } from '../ask.js';
import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { environmentHandle, refusable, sendUpdate } from '../environments.js';
import { onEnvironment } from '../on-environment.js';

/** Holds back the steps that have not started yet, or lets them go on. */
export async function pauseOrResume(
  context: CliContext,
  verb: 'pause' | 'resume',
  options: { name?: string },
): Promise<ExitCode> {
  return onEnvironment(context, options.name, async (session, name) => {
    await ask(context, session, (client, updateId) => sendUpdate(client, name, verb, { updateId }));
    const said = {
      pause: `${name} is paused: what runs goes on, nothing new starts until \`tracewright resume\`.`,
      resume: `${name} goes on. \`tracewright status --watch\` follows it.`,
    };
    context.print(said[verb]);
    return exitCodes.ok;
  });
}

/** Sets anew how long the environment lives. @param life a duration such as `4h`, or `forever` */
export async function extend(
  context: CliContext,
  life: string,
  options: { name?: string },
): Promise<ExitCode> {
  return onEnvironment(context, options.name, async (session, name) => {
    const ms = life === 'forever' ? null : durationMs(life);
    const { expiresAt } = await ask(context, session, (client, updateId) =>
      refusable(name, () =>
        environmentHandle(client, name).executeUpdate<ExtendResult, [ExtendArguments]>('extend', {
          args: [{ ms }],
          updateId,
        }),
      ),
    );
    context.print(
      expiresAt === undefined
        ? `${name} lives ${ms === null ? 'until you take it down' : `for ${life} from the end of what runs now`}.`
        : `${name} is taken down by itself at ${new Date(expiresAt).toISOString()}.`,
    );
    return exitCodes.ok;
  });
}
