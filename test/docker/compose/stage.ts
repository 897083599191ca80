import { observeRelease } from '../../../src/tools/helm/release-record.js';
import type { ObjectList } from '../../../src/tools/kubernetes/objects.js';
import type { ComposeBed } from '../../support/compose/bed.js';
import { ExistingCluster } from '../../support/compose/cluster.js';
import { until } from '../../proof/support/stack-breaker.js';
import type { Scene } from '../scenario.js';
import { ComposeEnvironment } from './scene.js';

/** The compose file and a cluster that exists, for one scenario. */
export interface Stage {
  /** Plays one thing and makes a row of it, as the scene's does. */
  readonly blow: (what: string, play: () => Promise<void>) => Promise<boolean>;
  /** A blow without which nothing else can be played. @throws when it does not succeed */
  readonly begin: (what: string, play: () => Promise<void>) => Promise<void>;
  readonly bed: ComposeBed;
  /** An environment that can be installed. */
  readonly describe: (name: string) => Promise<ComposeEnvironment>;
  /** Waits until every environment that was described is ready, by what its workflow says. @throws when one is not */
  readonly allReady: () => Promise<void>;
  /** Takes all environments away, after a look for what was done to them twice. */
  readonly takeAway: () => Promise<void>;
}

/** Plays on a bed, in which and in whose cluster nothing may be left. */
export async function onStage(
  scene: Scene,
  openBed: () => Promise<ComposeBed>,
  play: (stage: Stage) => Promise<void>,
): Promise<void> {
  const bed = await openBed();
  let cluster: ExistingCluster | undefined;
  try {
    const existing = (cluster = await ExistingCluster.create(bed));
    const before = await namespaces(existing);
    const environments: ComposeEnvironment[] = [];
    const blow: Stage['blow'] = (what, once) =>
      scene.blow(what, async () => {
        await once();
      });
    await play({
      blow,
      begin: async (what, once) => {
        if (!(await blow(what, once))) throw new Error(`Nothing can be played without this: ${what}.`);
      },
      bed,
      describe: async (name) => {
        const environment = await ComposeEnvironment.describe(bed, existing, name);
        environments.push(environment);
        return environment;
      },
      allReady: async () => {
        for (const environment of environments)
          await until(`${environment.name} is ready`, async () => {
            return (await environment.progress())?.phase === 'Ready';
          });
      },
      takeAway: async () => {
        for (const { name } of environments) scene.doubled(await doubledReleases(existing, name));
        for (const environment of environments) await environment.down();
      },
    });
    const left = (await namespaces(existing)).filter((name) => !before.includes(name));
    scene.residue(left.map((name) => `namespace ${name}`));
  } finally {
    await cluster?.remove();
    await bed.close();
  }
}

async function namespaces({ kube }: ExistingCluster): Promise<string[]> {
  const { items } = await kube.json<ObjectList<{ metadata: { name: string } }>>({
    path: '/api/v1/namespaces',
  });
  return (items ?? []).map(({ metadata }) => metadata.name);
}

/** The one release of an environment has one revision. */
async function doubledReleases({ kube }: ExistingCluster, namespace: string): Promise<string[]> {
  const revision = (await observeRelease(kube, { namespace, name: 'chart' }))?.revision ?? 0;
  return revision === 1 ? [] : [`${namespace}: its release has revision ${String(revision)}`];
}
