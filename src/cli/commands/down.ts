import { isTracewrightError, TracewrightError } from '../../domain/failure.js';
import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import {
  chooseEnvironment,
  listEnvironments,
  requestTeardown,
  standingOf,
  tearDownRemains,
  type EnvironmentListing,
} from '../environments.js';
import { heldByOperator, notFound } from '../refusals.js';
import { followToEnd } from '../follow-to-end.js';
import {
  elsewhereText,
  findWhatExists,
  orphanText,
  remainsOf,
  withWhatExists,
  type Orphan,
} from '../orphans.js';
import { openExistingSession, openSession, type LastingSession, type Session } from '../session.js';
import type { ClusterOptions } from '../target-options.js';
import { isPassingOutage } from '../../temporal/grpc-status.js';
import { stopServer } from '../../temporal/server.js';
import { isDatabaseComplete } from '../../temporal/server-process.js';
import { environmentFolder, forgetEnvironment } from '../../tools/environment-folder.js';
import { stopWorker, workerPlace } from '../../temporal/worker-process.js';

export interface DownOptions extends ClusterOptions {
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
  const session = await openExistingSession(context, 'act').catch(async (error: unknown) => {
    throw await withWhatExists(context, undefined, options.name, error, options);
  });
  let orphan: Orphan | undefined;
  let name: string | undefined;
  try {
    name = session && (await environmentToRemove(session, options.name));
    if (session && name !== undefined) {
      const code = await tearDown(context, session, name, requestTeardown);
      if (code !== exitCodes.ok) return code;
    } else {
      orphan = await orphanToRemove(context, session, options);
    }
  } finally {
    await session?.close();
  }
  if (orphan) {
    const code = await takeOrphanAway(context, orphan);
    if (code !== exitCodes.ok) return code;
  } else if (name === undefined) context.print(nothing(options.name));
  const removed = name ?? orphan?.name;
  return endOfLast(context, removed === undefined ? [] : [removed]);
}

async function tearDown(
  context: CliContext,
  session: LastingSession,
  name: string,
  begin: (client: LastingSession['client'], name: string) => Promise<void>,
): Promise<ExitCode> {
  await session.handOver(name);
  await begin(session.client, name);
  const code = await followToEnd(context, session, name, { json: false });
  // The worker has done it, unless it was that of another machine, or another `down` was faster than our own.
  if (code === exitCodes.ok) await forgetEnvironment(environmentFolder(context.config.stateDir, name));
  return code;
}

/**
 * @returns undefined when nothing exists that this state folder and Temporal server should look after
 * @throws TracewrightError `environment.not-found` for one that was never here, and may be elsewhere, `usage.invalid`
 * when a name is needed: where there are several, and for what stands in a cluster of others, whose Temporal server may
 * know it
 */
async function orphanToRemove(
  context: CliContext,
  session: Session | undefined,
  options: DownOptions,
): Promise<Orphan | undefined> {
  const { orphans, elsewhere } = await findWhatExists(context, session?.client, options);
  const meant = orphans.filter(({ name }) => options.name === undefined || name === options.name);
  const [first, ...others] = meant;
  if (!first) {
    const { name } = options;
    if (name !== undefined) {
      const isElsewhere = elsewhere.some((it) => it.name === name);
      // What was taken away from here is not what others have by the same name.
      const wasHere = session
        ? await isKnown(session, name)
        : !isElsewhere || (await wasKnown(context, name));
      if (!wasHere) throw await withWhatExists(context, session?.client, name, notFound(name), options);
    }
    for (const it of elsewhere) context.note(`Elsewhere on this machine: ${elsewhereText(it)}.`);
    return undefined;
  }
  const isCertain = others.length === 0 && first.target !== 'kubeconfig';
  if (isCertain || options.name !== undefined) return first;
  throw new TracewrightError({
    type: 'usage.invalid',
    message: `No workflow looks after ${meant.map(({ name }) => name).join(', ')}.`,
    remedy: 'Say with --name which one is to be taken away.',
    evidence: meant.map(orphanText),
  });
}

/** Whether the Temporal server looks after an environment, or has looked after it. */
async function isKnown({ client }: Session, name: string): Promise<boolean> {
  return (await standingOf(client, name)) !== undefined;
}

/** As `isKnown`, of the embedded server that was stopped: it is started for the question. */
async function wasKnown(context: CliContext, name: string): Promise<boolean> {
  const { config } = context;
  if (!isDatabaseComplete(config.stateDir)) return false;
  const session = await openSession(context, { worker: false });
  try {
    return await isKnown(session, name);
  } finally {
    const isNeeded = (await listEnvironments(session.client)).length > 0;
    await session.close();
    if (!isNeeded) await stopServer(config);
  }
}

/** Through a workflow of its own, started for it: killed in the middle, it goes on like every teardown. */
async function takeOrphanAway(context: CliContext, orphan: Orphan): Promise<ExitCode> {
  context.note(`Taking up what no workflow looks after: ${orphanText(orphan)}`);
  const session = await openSession(context);
  try {
    const remains = await remainsOf(session.client, orphan);
    // What was found here is here, whatever machine a history names.
    const hostId = orphan.found ? session.hostId : (remains.hostId ?? session.hostId);
    return await tearDown(context, session, orphan.name, (client, name) =>
      tearDownRemains(client, name, { ...remains, hostId }),
    );
  } finally {
    await session.close();
  }
}

/**
 * Stops the worker and the server unless others need them. In a session of its own: the server may be another by now.
 */
export async function endOfLast(context: CliContext, removed: readonly string[]): Promise<ExitCode> {
  const { print, config } = context;
  const session = await openExistingSession(context, 'act');
  // Another `down` has stopped both.
  if (!session) return exitCodes.ok;
  try {
    const others = (await listEnvironments(session.client)).filter((it) => !removed.includes(it.name));
    if (others.length > 0) {
      print(livesOn(others));
      return exitCodes.ok;
    }
    const { orphans } = await findWhatExists(context, session.client);
    for (const orphan of orphans) print(`Still there, and orphaned: ${orphanText(orphan)}`);
  } finally {
    await session.close();
  }
  await stopWorker(workerPlace(config.stateDir, session.settings));
  if (session.settings.embedded) await stopServer(config);
  print(
    session.settings.embedded
      ? 'The worker and the Temporal server have ended; their history is kept.'
      : 'The worker has ended.',
  );
  return exitCodes.ok;
}

/** @returns undefined when there is none whose workflow runs @throws TracewrightError `usage.invalid` when a name is needed */
async function environmentToRemove(
  { client }: Session,
  name: string | undefined,
): Promise<string | undefined> {
  if (name === undefined && (await listEnvironments(client)).length === 0) return undefined;
  const chosen = await chooseEnvironment(client, name);
  const state = (await standingOf(client, chosen))?.state;
  // It would keep the signal, and tear down whenever it goes on.
  if (state === 'held') throw heldByOperator(chosen);
  return state === 'running' ? chosen : undefined;
}

function nothing(name: string | undefined): string {
  return `There is no environment${name === undefined ? '' : ` "${name}"`}: nothing to take away.`;
}

function livesOn(others: readonly EnvironmentListing[]): string {
  const names = others.map(({ name }) => name).join(', ');
  return `${names} ${others.length === 1 ? 'lives' : 'live'} on, and so do the Temporal server and the worker.`;
}
