import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DockerEngine } from '../support/docker/engine.js';
import { copyPrograms, importRoot, makeRoot } from '../support/docker/images.js';
import { whyNoDocker } from '../support/docker/package.js';
import { differences, snapshotHost } from '../support/host-snapshot.js';

const reason = await whyNoDocker();

const server = `require("http").createServer((_, answer) => answer.end("here")).listen(80);
process.on("SIGTERM", () => process.exit());`;
const ask = 'fetch("http://127.0.0.1:18080").then((it) => it.text()).then(console.log)';

/** What every test on a real engine stands on. */
describe.skipIf(reason !== undefined)(
  `a Docker engine of the tests' own${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    let before: ReadonlySet<string>;
    let engine: DockerEngine;
    let empty: ReadonlySet<string>;
    let root: string;

    beforeAll(async () => {
      before = await snapshotHost();
      engine = await DockerEngine.open();
      empty = await engine.contents();
      root = await mkdtemp(join(tmpdir(), 'docker-root-'));
      await makeRoot(root);
      await copyPrograms(root, ['sh', 'mount', 'sleep', process.execPath]);
      await importRoot(engine, root, { name: 'node:test', changes: [`ENTRYPOINT ["${process.execPath}"]`] });
    });

    afterAll(async () => {
      await engine.close();
      await rm(root, { recursive: true, force: true });
    });

    const answer = () =>
      engine.run(process.execPath, ['-e', ask]).then(
        ({ stdout }) => stdout.trim(),
        () => undefined,
      );

    it('runs a privileged container and publishes its port in the box, nowhere else', async () => {
      const args = ['--detach', '--privileged', '--name', 'server'];
      await engine.docker('run', ...args, '--publish', '127.0.0.1:18080:80', 'node:test', '-e', server);
      await expect.poll(answer, { timeout: 60_000 }).toBe('here');
      await expect(fetch('http://127.0.0.1:18080')).rejects.toThrow();
      const mounted = ['mount', '-t', 'tmpfs', 'tmpfs', '/tmp'];
      await engine.docker('exec', '--privileged', 'server', ...mounted);
    });

    it('comes back after a kill, with the containers that it had', async () => {
      await engine.kill();
      await expect(engine.docker('ps')).rejects.toThrow();
      await engine.start();
      await engine.docker('start', 'server');
      await expect.poll(answer, { timeout: 60_000 }).toBe('here');
    });

    it('shows what a container takes, and that nothing is left of it', async () => {
      const full = await engine.contents();
      expect([...full]).toContain('container server');
      await engine.docker('rm', '--force', '--volumes', 'server');
      await expect.poll(() => engine.contents(), { timeout: 60_000 }).toEqual(empty);
    });

    it('leaves nothing on the host, though a container runs and a guest has joined its network', async () => {
      await engine.docker(
        'run',
        '--detach',
        '--privileged',
        '--volume',
        'kept:/kept',
        'node:test',
        '-e',
        server,
      );
      let joined = false;
      const guest = engine
        .run('sh', ['-c', 'echo joined; sleep 600'], { onLine: () => (joined = true) })
        .catch(() => 'killed');
      await expect.poll(() => joined, { timeout: 60_000 }).toBe(true);
      await engine.close();
      expect(await guest).toBe('killed');
      const mine = /docker-test|docker-root|\/etc\/docker|\/opt\/|twr/u;
      await expect
        .poll(async () => differences(before, await snapshotHost()).filter((fact) => mine.test(fact)), {
          timeout: 60_000,
        })
        .toEqual([]);
    });
  },
);
