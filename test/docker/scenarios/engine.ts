import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyPrograms, importRoot, makeRoot } from '../../support/docker/images.js';
import { onEngine, type DockerScenario } from '../scenario.js';

/** The engine itself: what all others stand on. */
export const engine: readonly DockerScenario[] = [
  onEngine('engine', async ({ engine: it, blow }) => {
    const root = await mkdtemp(join(tmpdir(), 'docker-root-'));
    try {
      await makeRoot(root);
      await copyPrograms(root, ['sleep']);
      await importRoot(it, root, { name: 'sleep:test', changes: ['ENTRYPOINT ["sleep"]'] });
    } finally {
      await rm(root, { recursive: true, force: true });
    }
    await it.docker('run', '--detach', '--privileged', '--name', 'sleeper', 'sleep:test', '600');
    await blow('kill -9 of dockerd, a container runs', async () => {
      await it.kill();
      await it.start();
      await it.docker('start', 'sleeper');
      return undefined;
    });
    await it.docker('rm', '--force', 'sleeper');
  }),
];
