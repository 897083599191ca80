import { isTracewrightError } from '../../domain/failure.js';
import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import {
  chooseEnvironment,
  environmentHandle,
  requestTeardown,
  listEnvironments,
  refusable,
  type EnvironmentListing,
} from '../environments.js';
import { followToEnd } from '../follow-to-end.js';
import { openExistingSession, type Session } from '../session.js';
import { isPassingOutage } from '../../temporal/grpc-status.js';
import { stopServer } from '../../temporal/server.js';
import { stopWorker } from '../../temporal/worker-process.js';

export interface DownOptions {
  name?: string;
}

/** How often in all, when the server or the worker ends under us. */
const attempts = 3;

/** Takes an environment away; with the last one the worker and the embedded server end, too. The history is kept. */
export async function down(surroundings: CliContext, options: DownOptions): Promise<ExitCode> {
  // To its end also when nobody reads our output: the server and the worker are still to be stopped.
  const context = { ...surroundings, signal: surroundings.interrupted };
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await takeAway(context, options);
    } catch (error) {
      // Another `down` that was faster has stopped both: the next look finds nothing left to do.
      if (attempt >= attempts || !isOutage(error)) throw error;
    }
  }
}

function isOutage(error: unknown): boolean {
  return isPassingOutage(error) || (isTracewrightError(error) && error.type === 'temporal.not-starting');
}

async function takeAway(context: CliContext, options: DownOptions): Promise<ExitCode> {
  const session = await openExistingSession(context);
  if (!session) {
    context.print(nothing(options.name));
    return exitCodes.ok;
  }
  let name: string | undefined;
  try {
    name = await environmentToRemove(session, options.name);
    if (name === undefined) {
      context.print(nothing(options.name));
    } else {
      await requestTeardown(session.client, name);
      const code = await followToEnd(context, session, name, { json: false });
      if (code !== exitCodes.ok) return code;
    }
  } finally {
    await session.close();
  }
  return endOfLast(context, name);
}

/**
 * Stops the worker and the server unless others need them. In a session of its own: the server may be another by now.
 */
async function endOfLast(context: CliContext, removed: string | undefined): Promise<ExitCode> {
  const { print, config } = context;
  const session = await openExistingSession(context);
  // Another `down` has stopped both.
  if (!session) return exitCodes.ok;
  try {
    const others = (await listEnvironments(session.client)).filter((it) => it.name !== removed);
    if (others.length > 0) {
      print(livesOn(others));
      return exitCodes.ok;
    }
  } finally {
    await session.close();
  }
  await stopWorker(config);
  if (session.settings.embedded) await stopServer(config);
  print(
    session.settings.embedded
      ? 'The worker and the Temporal server have ended; their history is kept.'
      : 'The worker has ended.',
  );
  return exitCodes.ok;
}

/**
 * @returns undefined when there is none, or when the one named is removed already
 * @throws TracewrightError `environment.not-found` for a name that never was one, `usage.invalid` when a name is needed
 */
async function environmentToRemove(
  { client }: Session,
  name: string | undefined,
): Promise<string | undefined> {
  if (name === undefined) {
    const living = await listEnvironments(client);
    return living.length === 0 ? undefined : chooseEnvironment(client, name);
  }
  const { status } = await refusable(name, () => environmentHandle(client, name).describe());
  return status.name === 'RUNNING' ? name : undefined;
}

function nothing(name: string | undefined): string {
  return `There is no environment${name === undefined ? '' : ` "${name}"`}: nothing to take away.`;
}

function livesOn(others: readonly EnvironmentListing[]): string {
  const names = others.map(({ name }) => name).join(', ');
  return `${names} ${others.length === 1 ? 'lives' : 'live'} on, and so do the Temporal server and the worker.`;
}
