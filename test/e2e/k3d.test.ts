import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Progress } from '../../src/domain/progress.js';
import { createEmbeddedTarget } from '../../src/targets/embedded/target.js';
import type { Target } from '../../src/targets/target.js';
import { freePorts } from '../support/api-server.js';
import { embeddedPrograms, whyNoCluster } from '../support/embedded-cluster.js';
import { createK3dStandIn } from '../support/k3d-stand-in/index.js';
import { createCli } from './cli.js';

const reason = await whyNoCluster();
const stackFile = join(import.meta.dirname, '../../stacks/embedded.yaml');

/** The command line from `up --target k3d` to a proof and back, over stand-ins that hand out an embedded cluster. */
describe.skipIf(reason !== undefined)(
  `k3d by the command line${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    let folder: string;
    let cluster: Target;
    let kubeconfig: string;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'tracewright-k3d-e2e-'));
      cluster = createEmbeddedTarget({ name: 'in-k3d', stateDir: folder, build: await embeddedPrograms() });
      kubeconfig = (await cluster.create({ onProgress: () => undefined })).kubeconfigPath;
    });

    afterAll(async () => {
      await cluster.delete();
      await rm(folder, { recursive: true, force: true });
    });

    it('goes from nothing to a proof, finds it again, and takes it away', { timeout: 600_000 }, async () => {
      const engine = await createK3dStandIn(folder, kubeconfig);
      const cli = createCli(join(folder, 'state'), { PATH: engine.variables['PATH'] });
      const [apiPort, http] = (await freePorts(2)) as [number, number];
      const stack = join(folder, 'mine.yaml');
      const ports = `['${String(http)}:80@loadbalancer']`;
      const text = (await readFile(stackFile, 'utf8')).replace(
        /^targets: .*$/mu,
        `targets: [k3d]\nk3d: { apiPort: ${String(apiPort)}, ports: ${ports} }`,
      );
      await writeFile(stack, text);
      try {
        const up = await cli.run('up', '--stack', stack);
        expect(up.exitCode, up.stdout + up.stderr).toBe(0);
        expect(up.stderr).toContain('target k3d (auto: Docker 28.2.2 runs here)');
        const progress = JSON.parse((await cli.run('status', '--json')).stdout) as Progress;
        expect(progress).toMatchObject({
          phase: 'Ready',
          target: 'k3d',
          cluster: { kind: 'k3d', owned: true },
        });
        expect(progress.proof?.checks.map(({ state }) => state)).not.toContain('failed');
        expect(engine.read().containers.map(({ name }) => name)).toEqual([
          'k3d-embedded-server-0',
          'k3d-embedded-serverlb',
        ]);
        const again = await cli.run('up', '--stack', stack, '--target', 'k3d');
        expect(again.exitCode, again.stdout + again.stderr).toBe(0);
        expect(engine.read().calls.filter((it) => it.startsWith('k3d cluster create'))).toHaveLength(1);
      } finally {
        const down = await cli.run('down');
        expect(down.exitCode, down.stdout + down.stderr).toBe(0);
      }
      const { containers, networks, volumes } = engine.read();
      expect([...containers, ...networks, ...volumes]).toEqual([]);
    });
  },
);
