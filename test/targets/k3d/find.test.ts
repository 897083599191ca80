import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findK3dClusters } from '../../../src/targets/k3d/target.js';
import { testFolder } from '../../support/folder.js';
import { createK3dStandIn, type K3dStandIn } from '../../support/k3d-stand-in/index.js';
import type { EngineContainer } from '../../support/k3d-stand-in/engine.js';

const containerOf = (
  cluster: string,
  labels: Record<string, string>,
  status = 'running',
): EngineContainer => ({
  name: `k3d-${cluster}-server-0`,
  image: 'rancher/k3s:v1.31.5-k3s1',
  labels: { app: 'k3d', 'k3d.role': 'server', 'k3d.cluster': cluster, ...labels },
  status,
  startedAt: '2026-11-29T00:00:00Z',
  restarts: 0,
  ports: {},
  log: '',
});

async function engineWith(...containers: readonly EngineContainer[]): Promise<K3dStandIn> {
  const engine = await createK3dStandIn(await testFolder(), '');
  engine.change((it) => {
    it.containers.push(...containers);
  });
  return engine;
}

async function begin(stateDir: string, environment: string): Promise<void> {
  await mkdir(join(stateDir, 'clusters', environment), { recursive: true });
  await writeFile(join(stateDir, 'clusters', environment, 'k3d.yaml'), '');
}

const owned = (environment: string, stateDir?: string): Record<string, string> => ({
  'tracewright.dev/environment': environment,
  ...(stateDir !== undefined && { 'tracewright.dev/state-dir': stateDir }),
});

it('finds what environments made, and nobody else', async () => {
  const [here, other] = [await testFolder(), await testFolder()];
  await begin(other, 'theirs');
  const { variables } = await engineWith(
    containerOf('mine', owned('mine', here)),
    containerOf('old', owned('old'), 'exited'),
    containerOf('theirs', owned('theirs', other)),
    containerOf('forgotten', owned('forgotten', other)),
    containerOf('stranger', {}),
  );
  const found = await findK3dClusters(here, { variables });
  expect(found.map(({ environment, stateDir, exists }) => [environment, stateDir, ...exists])).toEqual([
    // Its state folder knows nothing of it any more.
    ['forgotten', here, 'container k3d-forgotten-server-0, running'],
    ['mine', here, 'container k3d-mine-server-0, running'],
    ['old', here, 'container k3d-old-server-0, exited'],
    ['theirs', other, 'container k3d-theirs-server-0, running'],
  ]);
});

it('believes its folder where Docker cannot be asked', async () => {
  const here = await testFolder();
  await begin(here, 'mine');
  const engine = await engineWith(containerOf('mine', owned('mine', here)));
  engine.change((it) => {
    it.docker = 'down';
  });
  const [found, ...others] = await findK3dClusters(here, engine);
  expect(others).toEqual([]);
  expect(found).toMatchObject({ environment: 'mine', stateDir: here });
  expect(found?.exists).toEqual([
    `folder ${here}/clusters/mine`,
    expect.stringContaining('Docker') as string,
  ]);
  expect(await findK3dClusters(await testFolder(), engine)).toEqual([]);
});
