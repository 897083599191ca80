import type { Client } from '@temporalio/client';
import { durationMs } from '../../domain/duration.js';
import { TracewrightError } from '../../domain/failure.js';
import type { ExtendArguments, ExtendResult } from '../../workflows/messages.js';
import { ask } from '../ask.js';
import { type CliContext, type ExitCode, exitCodes } from '../context.js';
import { environmentHandle, queryProgress, sendUpdate } from '../environments.js';
import { refusable } from '../refusals.js';
import { followToEnd } from '../follow-to-end.js';
import type { LastingSession } from '../session.js';
import { onEnvironment } from '../on-environment.js';

export interface VerifyOptions {
  name?: string;
  json?: boolean;
}

/** Proves again, with a fresh ride, that an environment works. */
export async function verify(context: CliContext, options: VerifyOptions): Promise<ExitCode> {
  return onEnvironment(
    context,
    options.name,
    async (session, name) => {
      const { run } = await askForWork(context, session, name, (client, updateId) =>
        sendUpdate(client, name, 'verify', { updateId }),
      );
      return followToEnd(context, session, name, { fromRun: run, json: options.json ?? false });
    },
    'act',
  );
}

/** Asks for what starts programs again: they get what this shell has, its credentials and proxies. */
async function askForWork<T>(
  context: CliContext,
  session: LastingSession,
  name: string,
  send: (client: Client, updateId: string) => Promise<T>,
): Promise<T> {
  return ask(context, session, async (client, updateId) => {
    // Of one that is not there, or no more, nothing is kept.
    const { status } = await refusable(name, () => environmentHandle(client, name).describe());
    if (status.name === 'RUNNING') await session.handOver(name);
    return send(client, updateId);
  });
}

/** Decides about a blocked step and follows what comes of it. */
export async function decide(
  context: CliContext,
  verb: 'retry' | 'skip',
  step: string | undefined,
  options: { name?: string },
): Promise<ExitCode> {
  return onEnvironment(
    context,
    options.name,
    async (session, name) => {
      const blocked = step ?? onlyBlocked((await queryProgress(session.client, name)).steps);
      await askForWork(context, session, name, (client, updateId) =>
        sendUpdate(client, name, verb, { step: blocked, updateId }),
      );
      return followToEnd(context, session, name, { json: false });
    },
    'act',
  );
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

/** Stops what runs and waits until it has stopped. */
export async function abort(context: CliContext, options: { name?: string }): Promise<ExitCode> {
  return onEnvironment(
    context,
    options.name,
    async (session, name) => {
      await ask(context, session, (client, updateId) => sendUpdate(client, name, 'abort', { updateId }));
      const code = await followToEnd(context, session, name, { json: false });
      // Stopped is what was asked for.
      return code === exitCodes.failed ? exitCodes.ok : code;
    },
    'act',
  );
}

/** Holds back the steps that have not started yet, or lets them go on. */
export async function pauseOrResume(
  context: CliContext,
  verb: 'pause' | 'resume',
  options: { name?: string },
): Promise<ExitCode> {
  return onEnvironment(
    context,
    options.name,
    async (session, name) => {
      await askForWork(context, session, name, (client, updateId) =>
        sendUpdate(client, name, verb, { updateId }),
      );
      const said = {
        pause: `${name} is paused: what runs goes on, nothing new starts until \`tracewright resume\`.`,
        resume: `${name} goes on. \`tracewright status --watch\` follows it.`,
      };
      context.print(said[verb]);
      return exitCodes.ok;
    },
    'act',
  );
}

/** Sets anew how long the environment lives. @param life a duration such as `4h`, or `forever` */
export async function extend(
  context: CliContext,
  life: string,
  options: { name?: string },
): Promise<ExitCode> {
  return onEnvironment(
    context,
    options.name,
    async (session, name) => {
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
    },
    'act',
  );
}
