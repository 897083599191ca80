import { ComposeBed } from '../../support/compose/bed.js';
import { ExistingCluster } from '../../support/compose/cluster.js';
import { ComposeEnvironment } from '../compose/scene.js';
import { onEngine, type DockerScenario, type Scene } from '../scenario.js';

/** The worker of docker-compose.yml: its image, and what it does on a cluster that exists. */
export const compose: readonly DockerScenario[] = [
  onEngine('compose-worker', async ({ engine, blow }) => {
    const bed = await ComposeBed.withWorker(engine);
    let cluster: ExistingCluster | undefined;
    try {
      cluster = await ExistingCluster.create(bed);
      await play(bed, cluster, blow);
    } finally {
      await cluster?.remove();
      await bed.close();
    }
  }),
];

async function play(bed: ComposeBed, cluster: ExistingCluster, blow: Scene['blow']): Promise<void> {
  await blow('the worker becomes healthy, its server comes later', async () => {
    await bed.startWorker();
    return undefined;
  });
  const first = await ComposeEnvironment.describe(bed, cluster, 'first');
  await blow('an environment on an existing cluster', async () => {
    await first.up();
    return undefined;
  });
  await blow('kill -9 of the worker, an environment is ready', async () => {
    await bed.crash('worker');
    await first.verify();
    return undefined;
  });
  const second = await ComposeEnvironment.describe(bed, cluster, 'second');
  await blow('kill -9 of the worker, in the middle of an install', async () => {
    const { done } = await second.begin();
    await bed.crash('worker');
    await done;
    return undefined;
  });
  await blow('a second worker takes over, the first one has stopped', async () => {
    await bed.startSecondWorker();
    await bed.compose(['stop', 'worker']);
    await first.verify();
    return undefined;
  });
  await blow('down of both environments, by the second worker', async () => {
    await first.down();
    await second.down();
    return undefined;
  });
}
