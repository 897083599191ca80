import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ComposeBed } from '../support/compose/bed.js';
import { DockerEngine } from '../support/docker/engine.js';
import { whyNoDocker } from '../support/docker/package.js';

const reason = await whyNoDocker();

/**
 * Of the compose file the part that needs no Temporal server from its sources, for which a machine compiles many minutes:
 * its worker, with the development server in the place of server and database. `npm run test:docker -- compose` runs it
 * whole.
 */
describe.skipIf(reason !== undefined)(
  `the worker of the compose file${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  { timeout: 300_000 },
  () => {
    let engine: DockerEngine;
    let empty: ReadonlySet<string>;
    let bed: ComposeBed;

    beforeAll(async () => {
      engine = await DockerEngine.open();
      empty = await engine.contents();
      bed = await ComposeBed.withWorker(engine);
    }, 20 * 60_000);
    afterAll(() => engine.close());

    it('is built by Compose and becomes healthy, though its server comes later', async () => {
      await bed.startWorker();
    });

    it('is healthy again after kill -9', async () => {
      const before = await bed.startOf('worker');
      await bed.crash('worker');
      await expect.poll(() => bed.startOf('worker'), { timeout: 60_000 }).not.toBe(before);
      await bed.compose(['up', '--detach', '--wait', '--no-deps', 'worker']);
    });

    it('goes with `docker compose down`, and nothing of it is left', async () => {
      await bed.close();
      await expect.poll(() => engine.contents(), { timeout: 60_000 }).toEqual(empty);
    });
  },
);
