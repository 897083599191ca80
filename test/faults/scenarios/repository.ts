import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sharedCacheDir } from '../../support/cache.js';
import type { Bed } from '../bed.js';
import { variant, type StackFile } from '../chain.js';
import { ailments, startRepositories, type Ailment } from '../repository.js';
import type { Scenario } from '../scenario.js';

const componentOf = (ailment: Ailment): string => `chart-${ailment.replaceAll(' ', '-')}`;

/** A chart without pods of its own is ready at once; the check asks the trace store. */
function component(repository: string): StackFile['components'][string] {
  return {
    needs: ['trace-store'],
    release: { namespace: 'tracing', chart: { repository, name: 'demo', version: '1.2.3' } },
    ready: [{ http: { service: 'tempo', port: 3100, path: '/ready' } }],
  };
}

/**
 * The embedded stack and a small chart of each ailing repository, all at once, with a cache that knows none of them.
 */
async function ailing(): ReturnType<NonNullable<Scenario['options']>> {
  const folder = await mkdtemp(join(tmpdir(), 'tracewright-repository-'));
  const repositories = await startRepositories(folder);
  const { up, close } = await variant(({ components }) => {
    for (const ailment of ailments) components[componentOf(ailment)] = component(repositories.url(ailment));
  });
  const cacheDir = join(folder, 'cache');
  await mkdir(cacheDir);
  for (const part of ['embedded', 'tools']) await symlink(join(sharedCacheDir, part), join(cacheDir, part));
  return {
    bed: { up, cacheDir },
    close: async () => {
      await repositories.close();
      await close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Each component tries again by itself until its repository is well. */
async function untilAllAreWell(bed: Bed): Promise<Map<Ailment, number>> {
  await bed.run(bed.up());
  const progress = (await bed.look())?.progress;
  return new Map(
    ailments.flatMap((ailment) => {
      const step = progress?.steps.find(({ name }) => name === componentOf(ailment));
      if (step?.state !== 'done' || step.startedAt === undefined || step.endedAt === undefined) return [];
      return [[ailment, step.endedAt - step.startedAt]];
    }),
  );
}

export const repository: readonly Scenario[] = [
  {
    name: 'repository',
    options: ailing,
    play: async (bed, dealt) => {
      const times = await untilAllAreWell(bed);
      for (const ailment of ailments) {
        const recoveredMs = times.get(ailment);
        const what = `the chart repository ${ailment}`;
        dealt(
          recoveredMs === undefined
            ? { what, note: `${componentOf(ailment)} is not done` }
            : { what, recoveredMs },
        );
      }
    },
  },
];
