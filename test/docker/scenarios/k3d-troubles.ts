import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { k3dSettingsSchema, type K3dSettings } from '../../../src/domain/k3d-settings.js';
import { provideK3d } from '../../../src/targets/k3d/provide.js';
import { freePorts } from '../../support/api-server.js';
import { sharedCacheDir } from '../../support/cache.js';
import { embeddedPrograms, withoutWorkloads } from '../../support/embedded-cluster.js';
import { imageNames, loadK3dImages } from '../../support/k3d-images/index.js';
import { callTarget, type TargetAnswer, type TargetCall } from '../k3d/target.js';
import { onEngine, type DockerScenario, type Scene } from '../scenario.js';

/** The k3d target of one environment, without an environment around it. */
interface Bench {
  readonly settings: K3dSettings;
  readonly call: (
    what: TargetCall['what'],
    change?: Partial<K3dSettings>,
    env?: Readonly<Record<string, string | undefined>>,
  ) => Promise<TargetAnswer>;
}

const name = 'troubles';

async function onBench(scene: Scene, play: (bench: Bench) => Promise<void>): Promise<void> {
  await loadK3dImages(scene.engine, withoutWorkloads(await embeddedPrograms()));
  const [api, http] = (await freePorts(2)) as [number, number];
  const settings = k3dSettingsSchema.parse({ apiPort: api, ports: [`${http}:80@loadbalancer`] });
  const stateDir = await mkdtemp(join(tmpdir(), 'tracewright-docker-'));
  const call: Bench['call'] = (what, change = {}, env = {}) =>
    callTarget(
      scene.engine,
      { what, environment: name, stateDir, settings: { ...settings, ...change } },
      env,
    );
  try {
    await play({ settings, call });
  } finally {
    await call('delete').catch(() => undefined);
    await rm(stateDir, { recursive: true, force: true });
  }
}

/** @throws Error unless it failed with that type, with this among its words */
function expectFailure({ failure }: TargetAnswer, type: string, words: string): string {
  const said = failure ? `${failure.type}: ${failure.message}` : 'no failure';
  if (failure?.type !== type || !said.includes(words))
    throw new Error(`wanted ${type}, ${words}; got ${said}`);
  return type;
}

function expectCluster({ cluster, failure }: TargetAnswer): NonNullable<TargetAnswer['cluster']> {
  if (!cluster) throw new Error(`no cluster: ${failure?.type ?? ''} ${failure?.message ?? ''}`);
  return cluster;
}

/** The names of all containers, running or not. */
async function containers({ engine }: Scene): Promise<string[]> {
  return (await engine.docker('ps', '--all', '--format', '{{.Names}}')).split('\n').filter(Boolean).sort();
}

async function strangers(scene: Scene, { settings, call }: Bench): Promise<void> {
  const { engine, blow } = scene;
  const { path } = await provideK3d({ cacheDir: sharedCacheDir, environment: process.env });
  const ports = settings.ports.flatMap((port) => ['--port', `127.0.0.1:${port}`]);
  const api = ['--api-port', `127.0.0.1:${settings.apiPort}`];
  const quiet = ['--kubeconfig-update-default=false', '--kubeconfig-switch-context=false'];
  const options = { env: { HOME: engine.folder, KUBECONFIG: join(engine.folder, 'kubeconfig') } };
  const shape = ['--image', settings.image, ...api, ...ports];
  await engine.run(path, ['cluster', 'create', name, ...shape, ...quiet], options);
  const theirs = await containers(scene);
  await blow("a stranger's cluster of the same name, another image", async () =>
    expectFailure(await call('create', { image: 'rancher/k3s:v1.25.6-k3s1' }), 'cluster.different', 'image'),
  );
  await blow("a stranger's cluster of the same name and kind, used and left alone", async () => {
    const { owned } = expectCluster(await call('create'));
    await call('delete');
    const left = await containers(scene);
    if (owned || String(left) !== String(theirs))
      throw new Error(`owned ${String(owned)}, left ${String(left)}`);
    return undefined;
  });
  await engine.run(path, ['cluster', 'delete', name], options);
}

async function takenPort(scene: Scene, { settings, call }: Bench): Promise<void> {
  const { engine, blow } = scene;
  const publish = `127.0.0.1:${settings.apiPort}:80`;
  const args = ['run', '--detach', '--name', 'squatter', '--publish', publish, imageNames.tools, 'noop'];
  await blow('the port of the API taken by another container', async () => {
    await engine.docker(...args);
    const said = expectFailure(await call('create'), 'port.taken', 'the container squatter');
    await engine.docker('rm', '--force', 'squatter');
    return said;
  });
  await blow('then free again', async () => {
    expectCluster(await call('create'));
    return undefined;
  });
  await blow('taken while the cluster is stopped, then free again', async () => {
    const before = await containers(scene);
    await engine.docker('stop', `k3d-${name}-server-0`, `k3d-${name}-serverlb`);
    await engine.docker(...args);
    expectFailure(await call('create'), 'port.taken', 'the container squatter');
    await engine.docker('rm', '--force', 'squatter');
    expectCluster(await call('create'));
    if (String(await containers(scene)) !== String(before)) throw new Error('not the same containers');
    await call('delete');
    return undefined;
  });
}

/** Engines as `docker context` names them, with a real one behind; k3d finds it by the same words. */
async function contexts({ engine, blow }: Scene, { call }: Bench): Promise<void> {
  const create = (context: string, host: string): Promise<string> =>
    engine.docker('context', 'create', context, '--docker', `host=${host}`);
  await create('mine', `unix://${engine.socket}`);
  await create('remote', 'ssh://me@build.example.invalid');
  await create('asleep', `unix://${engine.folder}/no-such.sock`);
  // The shell of somebody who has set nothing but the context.
  const shell = (context?: string): Readonly<Record<string, string | undefined>> => ({
    DOCKER_HOST: undefined,
    DOCKER_CONTEXT: context,
  });
  const expectHost = async (
    env: ReturnType<typeof shell>,
    check: string,
    state: string,
    type?: string,
  ): Promise<string> => {
    const { checks = [] } = await call('preflight', {}, env);
    const found = checks.find((it) => it.name === check);
    if (found?.state !== state || found.type !== type)
      throw new Error(`wanted ${check} ${state}; got ${JSON.stringify(checks)}`);
    return found.detail;
  };
  await blow('DOCKER_CONTEXT: a cluster is made and taken away by it', async () => {
    await expectHost(shell('mine'), 'docker host', 'ok');
    expectCluster(await call('create', {}, shell('mine')));
    await call('delete', {}, shell('mine'));
    return undefined;
  });
  await blow('docker context use: the same, without any variable', async () => {
    await engine.docker('context', 'use', 'mine');
    await expectHost(shell(), 'docker host', 'ok');
    expectCluster(await call('create', {}, shell()));
    await call('delete', {}, shell());
    return undefined;
  });
  await blow('a context whose engine does not run', () =>
    expectHost(shell('asleep'), 'docker', 'failed', 'docker.unreachable'),
  );
  await blow('a context that is not there', () =>
    expectHost(shell('nobody'), 'docker', 'failed', 'docker.unreachable'),
  );
  await blow('a context of another machine, which no ssh reaches', () =>
    expectHost(shell('remote'), 'docker', 'failed', 'docker.unreachable'),
  );
  await engine.docker('context', 'use', 'default');
}

async function noImage(scene: Scene, { call }: Bench): Promise<void> {
  const image = 'rancher/k3s:v1.25.6-k3s1';
  await scene.blow('an image of k3s that nobody has', async () =>
    expectFailure(await call('create', { image }), 'ready.image-pull', image),
  );
  await scene.blow('no image of the load balancer', async () => {
    await scene.engine.docker('rmi', imageNames.loadBalancer);
    return expectFailure(await call('create'), 'ready.image-pull', imageNames.loadBalancer);
  });
}

async function fullDisk(scene: Scene, { call }: Bench): Promise<void> {
  const { engine, blow } = scene;
  const ballast = join(engine.folder, 'data/ballast');
  await blow("the engine's disk full", async () => {
    // Until there is no more: dd then fails.
    await engine.inBox('sh', '-c', `dd if=/dev/zero of='${ballast}' bs=1M 2>/dev/null || true`);
    return expectFailure(await call('create'), 'state.disk-full', '');
  });
  await blow('then room again', async () => {
    await engine.inBox('rm', '-f', ballast);
    expectCluster(await call('create'));
    await call('delete');
    return undefined;
  });
}

export const k3dTroubles: readonly DockerScenario[] = [
  onEngine('k3d-contexts', (scene) => onBench(scene, (bench) => contexts(scene, bench))),
  onEngine('k3d-troubles', (scene) =>
    onBench(scene, async (bench) => {
      await strangers(scene, bench);
      await takenPort(scene, bench);
      await noImage(scene, bench);
    }),
  ),
  onEngine('k3d-disk', (scene) => onBench(scene, (bench) => fullDisk(scene, bench)), { disk: 2 ** 31 }),
];
