import { durationMs } from '../../domain/duration.js';
import type { ExtendArguments, ExtendResult } from '../../workflows/messages.js';
import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { chooseEnvironment, environmentHandle, refusable, sendUpdate } from '../environments.js';
import { openExistingSession, type Session } from '../session.js';
import { noEnvironment } from './none.js';

/** Holds back the steps that have not started yet, or lets them go on. */
export async function pauseOrResume(
  context: CliContext,
  verb: 'pause' | 'resume',
  options: { name?: string },
): Promise<ExitCode> {
  return onEnvironment(context, options.name, async ({ client }, name) => {
    await sendUpdate(client, name, verb);
    const said = {
      pause: `${name} is paused: what runs goes on, nothing new starts until \`tracewright resume\`.`,
      resume: `${name} goes on. \`tracewright status --watch\` follows it.`,
    };
    context.print(said[verb]);
  });
}

/** Sets anew how long the environment lives. @param life a duration such as `4h`, or `forever` */
export async function extend(
  context: CliContext,
  life: string,
  options: { name?: string },
): Promise<ExitCode> {
  return onEnvironment(context, options.name, async ({ client }, name) => {
    const ms = life === 'forever' ? null : durationMs(life);
    const { expiresAt } = await refusable(name, () =>
      environmentHandle(client, name).executeUpdate<ExtendResult, [ExtendArguments]>('extend', {
        args: [{ ms }],
      }),
    );
    context.print(
      expiresAt === undefined
        ? `${name} lives ${ms === null ? 'until you take it down' : `for ${life} from the end of what runs now`}.`
        : `${name} is taken down by itself at ${new Date(expiresAt).toISOString()}.`,
    );
  });
}

async function onEnvironment(
  context: CliContext,
  name: string | undefined,
  work: (session: Session, name: string) => Promise<void>,
): Promise<ExitCode> {
  const session = await openExistingSession(context);
  if (!session) throw noEnvironment();
  try {
    await work(session, await chooseEnvironment(session.client, name));
    return exitCodes.ok;
  } finally {
    await session.close();
  }
}
