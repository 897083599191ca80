import { blockOf } from '../../docs/blocks.js';
import { ComposeBed } from '../../support/compose/bed.js';
import type { ComposeEnvironment } from '../compose/scene.js';
import { onStage, type Stage } from '../compose/stage.js';
import { seeReadyInWebUi } from '../compose/web-ui.js';
import { onEngine, type DockerScenario } from '../scenario.js';

/** The version that one upgrade brings to the compose file's. */
const olderTemporal = '1.31.2';

/** docker-compose.yml as it stands: PostgreSQL, schema job, server, namespace job, Web UI and worker. */
export const composeFile: readonly DockerScenario[] = [
  onEngine('compose-file', (scene) =>
    onStage(
      scene,
      () => ComposeBed.withServer(scene.engine),
      async (stage) => {
        const kept = await install(stage, {});
        await stage.blow('the Web UI shows it in a browser', () => seeReadyInWebUi(scene.engine, kept.name));
        for (const service of ['server', 'postgres', 'worker']) await kill(stage, service, kept);
        await takeOver(stage, kept);
        await downAndUp(stage, kept);
        await restore(stage, kept);
        await takeAway(stage);
      },
    ),
  ),
  onEngine('compose-upgrade', (scene) =>
    onStage(
      scene,
      () => ComposeBed.withServer(scene.engine, olderTemporal),
      async (stage) => {
        const kept = await install(stage, { TEMPORAL_VERSION: olderTemporal });
        await stage.blow(`upgrade of the server from ${olderTemporal}`, async () => {
          await stage.bed.configure({});
          await up(stage);
          await kept.verify();
        });
        const later = await stage.describe('later');
        await stage.blow('another environment after the upgrade', () => later.up());
        await takeAway(stage);
      },
    ),
  ),
];

async function up({ bed }: Stage): Promise<void> {
  await bed.compose(['up', '--detach', '--wait']);
}

async function install(
  stage: Stage,
  settings: Readonly<Record<string, string>>,
): Promise<ComposeEnvironment> {
  await stage.bed.configure(settings);
  await stage.begin('docker compose up --wait, from nothing', () => up(stage));
  const kept = await stage.describe('kept');
  await stage.begin('an environment on an existing cluster', () => kept.up());
  return kept;
}

async function kill(
  { bed, blow, describe }: Stage,
  service: string,
  kept: ComposeEnvironment,
): Promise<void> {
  await blow(`kill -9 of ${service}, an environment is ready`, async () => {
    await bed.crash(service);
    await kept.verify();
  });
  const other = await describe(`with-${service}`);
  await blow(`kill -9 of ${service}, in the middle of an install`, async () => {
    const { done } = await other.begin();
    await bed.crash(service);
    await done;
  });
}

async function takeOver({ bed, blow, describe }: Stage, kept: ComposeEnvironment): Promise<void> {
  await blow('a second worker takes over, the first one has stopped', async () => {
    await bed.startSecondWorker();
    await bed.compose(['stop', 'worker']);
    await kept.verify();
  });
  const other = await describe('with-both');
  await blow('the second worker is killed, in the middle of an install, the first one is back', async () => {
    await bed.compose(['start', 'worker']);
    const { done } = await other.begin();
    await bed.removeSecondWorker();
    await done;
  });
}

async function downAndUp(stage: Stage, kept: ComposeEnvironment): Promise<void> {
  await stage.blow('docker compose down, and up again', async () => {
    await stage.bed.compose(['down']);
    await up(stage);
    await stage.allReady();
    await kept.verify();
  });
}

/** With the commands of deploy/README.md. */
async function restore({ bed, blow, allReady }: Stage, kept: ComposeEnvironment): Promise<void> {
  const [backup, restoring] = await Promise.all(
    ['pg_dumpall', 'psql'].map((part) => blockOf('deploy/README.md', part)),
  );
  await blow('backup, all volumes lost, restore', async () => {
    await bed.shell(backup ?? '');
    await bed.compose(['down', '--volumes']);
    await bed.shell(restoring ?? '');
    await allReady();
    await kept.verify();
  });
}

async function takeAway({ blow, takeAway: all }: Stage): Promise<void> {
  await blow('down of all environments', all);
}
