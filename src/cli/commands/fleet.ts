import { setTimeout as sleep } from 'node:timers/promises';
import { TracewrightError } from '../../domain/failure.js';
import { isFleetAtRest, seatNames, type FleetProgress } from '../../domain/fleet.js';
import { environmentNameRule, isEnvironmentName } from '../../domain/names.js';
import { isPassingOutage } from '../../temporal/grpc-status.js';
import { environmentFolder, forgetEnvironment } from '../../tools/environment-folder.js';
import { ask } from '../ask.js';
import { type CliContext, type ExitCode, exitCodes } from '../context.js';
import { applyWish, chooseFleet, noFleet, queryFleet, tearDownFleet, verifyFleet } from '../fleets.js';
import { readInstallRequest, requireTarget, type InstallRequest } from '../install-request.js';
import { requireFit, specOf, type UpOptions } from '../install-spec.js';
import { Patience } from '../patience.js';
import { openExistingSession, openSession, type LastingSession, type Use } from '../session.js';
import {
  createJsonFleetView,
  createLiveFleetView,
  createPlainFleetView,
  fleetFrame,
  type FleetView,
} from '../views/fleet-view.js';
import { endOfLast } from './down.js';

export interface FleetUpOptions extends UpOptions {
  count: number;
  parallel: number;
}

/** What the other commands take. */
export interface FleetOptions {
  name?: string;
  json?: boolean;
  watch?: boolean;
}

/** Makes a fleet, adds the seats that it lacks, or goes over those that it has, and follows it until all have ended. */
export async function fleetUp(context: CliContext, options: FleetUpOptions): Promise<ExitCode> {
  const { name = 'seat', count, parallel, json = false } = options;
  const seats = seatNames(name, count);
  const [first = ''] = seats;
  if (!isEnvironmentName(first)) throw badName(name, first);
  const request = await readInstallRequest(
    context,
    { ...options, name: first },
    { what: `${String(count)} seats from` },
  );
  requireOwnClusters(request);
  const begun = await request.machine.clusters();
  for (const seat of seats) {
    const kind = begun[seat];
    requireTarget(seat, kind && { kind }, request.target);
  }
  await requireFit(context, request, options);
  const session = await openSession(context, { worker: request.machine.worker === undefined });
  try {
    const spec = await specOf(context, session, request, options);
    if (!request.machine.worker) for (const seat of seats) await session.handOver(seat);
    const hostId = request.machine.worker?.hostId ?? session.hostId;
    const { order } = await ask(context, session, (client, updateId) =>
      applyWish(client, name, { count, spec, hostId, parallel }, updateId),
    );
    if (options.detach) {
      context.note(
        `It goes on in the background. \`tracewright fleet status --watch --name ${name}\` follows it.`,
      );
      return exitCodes.ok;
    }
    return await follow(context, session, name, { json, order });
  } finally {
    await session.close();
  }
}

/** Shows all seats of a fleet, a line each. */
export async function fleetStatus(context: CliContext, options: FleetOptions): Promise<ExitCode> {
  return onFleet(context, options.name, 'look', async (session, name) => {
    const { json = false } = options;
    if (options.watch) return follow(context, session, name, { json });
    const progress = await queryFleet(session.client, name);
    if (json) context.print(JSON.stringify(progress, undefined, 2));
    else printFleet(context, progress);
    return exitCodeOf(progress);
  });
}

/** Proves again that the seats that are Ready work. */
export async function fleetVerify(context: CliContext, options: FleetOptions): Promise<ExitCode> {
  return onFleet(context, options.name, 'act', async (session, name) => {
    const { order } = await ask(context, session, (client, id) => verifyFleet(client, name, id));
    return follow(context, session, name, { json: options.json ?? false, order });
  });
}

/** Takes all seats away; with the last environment the worker and the embedded server end, too. */
export async function fleetDown(surroundings: CliContext, options: FleetOptions): Promise<ExitCode> {
  // To its end also when nobody reads our output, as `down`.
  const context = { ...surroundings, signal: surroundings.interrupted };
  let removed: readonly string[] = [];
  const code = await onFleet(context, options.name, 'act', async (session, name) => {
    if (!(await tearDownFleet(session.client, name))) throw noFleet(name);
    const ended = await follow(context, session, name, { json: options.json ?? false });
    if (ended !== exitCodes.ok) return ended;
    removed = (await queryFleet(session.client, name)).seats.map((seat) => seat.name);
    for (const seat of removed) await forgetEnvironment(environmentFolder(context.config.stateDir, seat));
    return ended;
  });
  if (code !== exitCodes.ok) return code;
  return endOfLast(options.json ? { ...context, print: context.note } : context, removed);
}

async function onFleet(
  context: CliContext,
  name: string | undefined,
  use: Use,
  work: (session: LastingSession, name: string) => Promise<ExitCode>,
): Promise<ExitCode> {
  const session = await openExistingSession(context, use);
  if (!session) throw noFleet(name);
  try {
    return await work(session, await chooseFleet(session.client, name));
  } finally {
    await session.close();
  }
}

/** Between two looks, in milliseconds. */
const intervalMs = 500;

/** Shows a fleet until nothing happens in it any more. Ctrl-C only detaches. @param order to be waited for */
async function follow(
  context: CliContext,
  session: LastingSession,
  name: string,
  { json, order }: { readonly json: boolean; readonly order?: string },
): Promise<ExitCode> {
  const { signal, note } = context;
  const view = viewFor(context, json);
  let last: FleetProgress | undefined;
  const isLeft = (): boolean => signal.aborted;
  const patience = new Patience();
  while (!isLeft()) {
    try {
      if (patience.tries > 0) await session.revive(patience.sayOnce(view.note ?? note));
      last = await session.client.withAbortSignal(signal, () => queryFleet(session.client, name));
      patience.answered();
    } catch (error) {
      if (isLeft()) break;
      if (!isPassingOutage(error)) throw error;
      await patience.endure(error, signal);
      continue;
    }
    if (order === undefined || last.order === order) {
      view.show(last);
      if (isFleetAtRest(last)) {
        const code = exitCodeOf(last);
        view.end(last, code);
        if (!json) context.print(endLine(last));
        return code;
      }
    }
    await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
  }
  view.end();
  note(`Detached from the fleet ${name}: it goes on in the background.`);
  note(`  tracewright fleet status --watch --name ${name}   comes back to it`);
  note(`  tracewright fleet down --name ${name}             takes everything away`);
  return context.interrupted.aborted ? exitCodes.detached : exitCodes.ok;
}

function viewFor(context: CliContext, json: boolean): FleetView {
  const { terminal, print, paint, note } = context;
  if (json) return createJsonFleetView(print);
  return terminal ? createLiveFleetView({ terminal, paint, note }) : createPlainFleetView(context);
}

/** As for single commands: what failed for good counts for more than what waits for a decision. */
function exitCodeOf({ seats }: FleetProgress): ExitCode {
  const phases = new Set(seats.map(({ phase }) => phase));
  if (phases.has('Stopped') || phases.has('Lost')) return exitCodes.failed;
  if (phases.has('Blocked')) return exitCodes.blocked;
  return seats.some(({ rests, why }) => rests && why !== undefined) ? exitCodes.failed : exitCodes.ok;
}

function printFleet({ print, paint, columns }: CliContext, progress: FleetProgress): void {
  fleetFrame(progress, { now: Date.now(), columns, paint }).forEach(print);
}

function endLine({ fleet, seats }: FleetProgress): string {
  const blocked = seats.find(({ phase }) => phase === 'Blocked');
  if (blocked)
    return `A blocked seat is an environment like any other: \`tracewright status --name ${blocked.name}\` says more.`;
  if (seats.every(({ phase }) => phase === 'Removed')) return `All seats of ${fleet} are gone.`;
  return `Next: tracewright fleet status --name ${fleet} · fleet verify · fleet down`;
}

/** @throws TracewrightError `usage.invalid` */
function requireOwnClusters({ target }: InstallRequest): void {
  if (target.kind === 'embedded') return;
  throw new TracewrightError({
    type: 'usage.invalid',
    message:
      target.kind === 'k3d'
        ? 'Seats on the target k3d would all publish the same ports of this machine.'
        : 'A stack stands once in a cluster: the seats of a fleet need one each.',
    remedy: 'Use --target embedded.',
  });
}

function badName(name: string, seat: string): TracewrightError {
  return new TracewrightError({
    type: 'usage.invalid',
    message: `A fleet cannot be called "${name}": its first seat would be "${seat}". ${environmentNameRule}`,
    remedy: 'Choose another name with --name.',
  });
}
