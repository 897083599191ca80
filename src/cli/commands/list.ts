import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { listEnvironments, type EnvironmentListing } from '../environments.js';
import { listFleets } from '../fleets.js';
import { elsewhereText, findWhatExists, type Orphan } from '../orphans.js';
import { withPlaces } from '../places.js';
import { openExistingSession, type Session } from '../session.js';
import type { ClusterOptions } from '../target-options.js';

export interface ListOptions extends ClusterOptions {
  json?: boolean;
}

/** The state of what no workflow looks after: no phase of a workflow, which are written with a capital. */
type OrphanListing = Pick<Orphan, 'name' | 'stack' | 'target' | 'exists' | 'why'> & {
  /** `unknown`: no Temporal server could be asked. */
  readonly phase: 'orphaned' | 'unknown';
};

/**
 * Lists the environments that are not removed, and what exists of those that no workflow looks after.
 * @throws TracewrightError `temporal.*` after it has said what exists without the server
 */
export async function list(context: CliContext, options: ListOptions): Promise<ExitCode> {
  let failure: Error | undefined;
  const session = await openExistingSession(context).catch((error: unknown) => {
    failure = error as Error;
    return undefined;
  });
  try {
    const { environments, orphans, elsewhere } = await readAll(context, session, options);
    const phase = failure ? 'unknown' : 'orphaned';
    const listed = orphans.map(({ found: _, ...orphan }): OrphanListing => ({ ...orphan, phase }));
    // Without the server, nobody knows that there is nothing.
    if (!failure || listed.length > 0) {
      if (options.json) context.print(JSON.stringify([...environments, ...listed], undefined, 2));
      else printLines(context, environments, listed);
      if (session && !options.json)
        for (const name of await listFleets(session.client))
          context.print(
            `Fleet ${name}: \`tracewright fleet status --name ${name}\` shows its seats together.`,
          );
    }
    for (const it of elsewhere) context.note(`Elsewhere on this machine: ${elsewhereText(it)}.`);
  } finally {
    await session?.close();
  }
  if (failure) throw failure;
  return exitCodes.ok;
}

async function readAll(context: CliContext, session: Session | undefined, options: ClusterOptions) {
  const environments = session
    ? await withPlaces(session.client, await listEnvironments(session.client))
    : [];
  const { orphans, elsewhere } = await findWhatExists(context, session?.client, options);
  // The index of the server lags behind: it may still have what has lost its workflow.
  const isOrphan = ({ name, target }: EnvironmentListing): boolean =>
    orphans.some((it) => it.name === name && it.target === target);
  return { environments: environments.filter((it) => !isOrphan(it)), orphans, elsewhere };
}

function printLines(
  { print }: CliContext,
  environments: readonly (EnvironmentListing & { readonly place?: number })[],
  orphans: readonly OrphanListing[],
): void {
  if (environments.length + orphans.length === 0) {
    print('There is no environment. `tracewright up` makes one.');
    return;
  }
  const width = Math.max(...[...environments, ...orphans].map(({ name }) => name.length));
  for (const { name, phase, place, stack, target, startedAt } of environments) {
    const line = place === undefined ? phase : `${phase} (${String(place)})`;
    print(
      `${name.padEnd(width)}  ${line.padEnd(12)}  stack ${stack}, target ${target}, since ${startedAt.toISOString()}`,
    );
  }
  for (const { name, phase, stack = 'unknown', target, why, exists } of orphans) {
    print(`${name.padEnd(width)}  ${phase.padEnd(12)}  stack ${stack}, target ${target}: ${why}`);
    for (const line of exists) print(`${' '.repeat(width)}    ${line}`);
  }
  if (orphans.length > 0)
    print(
      'No workflow looks after what is orphaned: `tracewright up --name …` takes it up again, `tracewright down --name …` takes it away.',
    );
}
