import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { k3dSettingsSchema, type K3dSettings } from '../../src/domain/k3d-settings.js';
import { createEmbeddedTarget } from '../../src/targets/embedded/target.js';
import { createK3dTarget } from '../../src/targets/k3d/target.js';
import type { Target } from '../../src/targets/target.js';
import { identifyProcess, type ProcessIdentity } from '../../src/tools/process-identity.js';
import { onStart } from '../support/owner.js';
import { freePorts } from '../support/api-server.js';
import { embeddedPrograms, whyNoCluster, withoutWorkloads } from '../support/embedded-cluster.js';
import { createK3dStandIn, type K3dStandIn } from '../support/k3d-stand-in/index.js';
import { never, type Engine, type EngineContainer, type Scenario } from '../support/k3d-stand-in/engine.js';
import { testFolder } from '../support/folder.js';

const reason = await whyNoCluster();

const server = 'k3d-it-server-0';
const all =
  (change: Partial<EngineContainer>) =>
  ({ containers }: Engine): void => {
    for (const it of containers) Object.assign(it, change);
  };
const only =
  (name: string) =>
  (engine: Engine): void => {
    engine.containers = engine.containers.filter((it) => it.name === name);
  };

/** What only making the cluster anew helps against, by the words that say it. */
const damages: Readonly<Record<string, (engine: Engine) => void>> = {
  'it has 0 servers': only('k3d-it-serverlb'),
  'serverlb) is missing': only(server),
  'has no cluster token': ({ containers }) => {
    delete containers.find(({ name }) => name === server)?.labels['k3d.cluster.token'];
  },
  'was never started': all({ status: 'created', startedAt: never }),
  'keeps ending': all({ status: 'restarting', restarts: 7 }),
};

/** Every way of k3d, over stand-ins for k3d and docker that hand out an embedded cluster. */
describe.skipIf(reason !== undefined)(
  `the k3d target${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    let clusterDir: string;
    let handedOut: Target;
    let kubeconfig: string;
    let stateDir: string;
    let engine: K3dStandIn;
    let settings: K3dSettings;
    let target: Target;

    beforeAll(async () => {
      clusterDir = await mkdtemp(join(tmpdir(), 'tracewright-k3d-'));
      const build = withoutWorkloads(await embeddedPrograms());
      handedOut = createEmbeddedTarget({ name: 'k3d-stand-in', stateDir: clusterDir, build });
      kubeconfig = (await handedOut.create({ onProgress: () => undefined })).kubeconfigPath;
    });

    afterAll(async () => {
      await handedOut.delete();
      await rm(clusterDir, { recursive: true, force: true });
    });

    beforeEach(async () => {
      stateDir = await testFolder();
      engine = await createK3dStandIn(await testFolder(), kubeconfig);
      const [apiPort, http] = (await freePorts(2)) as [number, number];
      settings = k3dSettingsSchema.parse({ apiPort, ports: [`${String(http)}:80@loadbalancer`] });
      target = open();
    });

    const open = (change: Partial<K3dSettings> = {}, timeoutMs = 60_000): Target =>
      createK3dTarget({
        environment: 'it',
        stateDir,
        cacheDir: stateDir,
        variables: engine.variables,
        settings: { ...settings, ...change },
        timeoutMs,
      });
    const create = (of = target, signal?: AbortSignal) =>
      of.create({ onProgress: () => undefined, ...(signal && { signal }) });
    const scenario = (name: Scenario): void => {
      engine.change((it) => {
        it.scenario = name;
      });
    };
    const names = (): string[] => engine.read().containers.map(({ name }) => name);
    const creations = (): number =>
      engine.read().calls.filter((it) => it.startsWith('k3d cluster create')).length;
    const remains = ({ containers, networks, volumes }: Engine) => [...containers, ...networks, ...volumes];

    it('makes a cluster, finds it again, and takes everything away', async () => {
      expect((await target.observe()).phase).toBe('absent');
      const cluster = await create();
      expect(cluster).toMatchObject({ owned: true, kubeconfigPath: `${stateDir}/clusters/it/kubeconfig` });
      expect((await stat(cluster.kubeconfigPath)).mode & 0o777).toBe(0o600);
      expect(await target.observe()).toMatchObject({ phase: 'ready', facts: { version: cluster.version } });
      expect(await create()).toEqual(cluster);
      expect(creations()).toBe(1);
      await target.delete();
      expect((await target.observe()).phase).toBe('absent');
      expect(remains(engine.read())).toEqual([]);
      expect(await readdir(`${stateDir}/clusters`)).toEqual([]);
      await target.delete();
    });

    it('starts a stopped cluster, one whose load balancer alone is down, and a paused one', async () => {
      await create();
      const cases: readonly [readonly string[], string][] = [
        [['k3d-it-serverlb'], 'exited'],
        [names(), 'exited'],
        [[server], 'paused'],
      ];
      for (const [stopped, status] of cases) {
        engine.change(({ containers }) => {
          for (const it of containers) if (stopped.includes(it.name)) it.status = status;
        });
        expect((await target.observe()).phase).toBe('stopped');
        await create();
        expect((await target.observe()).phase).toBe('ready');
      }
      expect(creations()).toBe(1);
    });

    it.each(Object.entries(damages))(
      'makes a cluster anew of which %s, and keeps the log of its nodes',
      async (why, damage) => {
        await create();
        engine.change(damage);
        expect(await target.observe()).toMatchObject({
          phase: 'broken',
          reason: expect.stringContaining(why) as string,
        });
        await create();
        expect((await target.observe()).phase).toBe('ready');
        expect(creations()).toBe(2);
        const logs = await readdir(`${stateDir}/environments/it/logs`);
        expect(logs.length).toBeGreaterThan(0);
        for (const log of logs)
          expect((await stat(`${stateDir}/environments/it/logs/${log}`)).mode & 0o777).toBe(0o600);
      },
    );

    it('makes a cluster anew that does not start again', async () => {
      await create();
      engine.change(({ containers }) => {
        for (const it of containers) it.status = 'exited';
      });
      scenario('start-fails');
      await create();
      expect(creations()).toBe(2);
    });

    it.each<[Scenario, string, string]>([
      ['port-in-use', 'port.taken', 'port is already allocated'],
      ['times-out', 'cluster.not-ready', 'context deadline exceeded'],
      ['too-many-files', 'host.limits', 'too many open files'],
      ['no-image', 'ready.image-pull', 'toomanyrequests'],
      ['disk-full', 'state.disk-full', 'no space left on device'],
      ['dies-half-way', 'cluster.start-failed', "Creating node 'k3d-it-server-0'"],
    ])('says what happened: %s', async (name, type, message) => {
      scenario(name);
      await expect(create()).rejects.toMatchObject({
        type,
        message: expect.stringContaining(message) as string,
      });
      expect(remains(engine.read())).toEqual([]);
      await create();
    });

    it('keeps the log of a server that failed and says where', async () => {
      scenario('too-many-files');
      const error = (await create().catch((it: unknown) => it)) as { evidence: string[] };
      const line = error.evidence.find((it) => it.includes('k3d-it-server-0.log')) ?? '';
      expect(await readFile(line.replace('The log of the node: ', ''), 'utf8')).toContain(
        'too many open files',
      );
    });

    it('gives up on a k3d that hangs, and ends it', async () => {
      scenario('hangs');
      const processes: ProcessIdentity[] = [];
      const creating = open({}, 2_000).create({
        onProgress: () => undefined,
        owner: onStart((identity) => processes.push(identity)),
      });
      await expect(creating).rejects.toMatchObject({ type: 'cluster.not-ready' });
      for (const { pid } of processes) expect(await identifyProcess(pid)).toBeUndefined();
      expect(remains(engine.read())).toEqual([]);
    });

    it('ends k3d when it is cancelled; the next attempt makes the cluster anew', async () => {
      scenario('hangs');
      const controller = new AbortController();
      const creating = target.create({
        signal: controller.signal,
        onProgress: (text) => {
          if (text.startsWith('Starting node')) controller.abort();
        },
      });
      await expect(creating).rejects.toMatchObject({ type: 'tool.cancelled' });
      expect((await target.observe()).phase).toBe('broken');
      await create();
      expect((await target.observe()).phase).toBe('ready');
    });

    it('names whoever has a port', async () => {
      const listener = createServer().listen(settings.apiPort, '127.0.0.1');
      try {
        await expect(create()).rejects.toMatchObject({
          type: 'port.taken',
          message: expect.stringMatching(
            new RegExp(`${String(settings.apiPort)} .*\\(pid ${String(process.pid)}\\)`, 'u'),
          ) as string,
        });
        expect(creations()).toBe(0);
      } finally {
        listener.close();
      }
    });

    it('shows the difference to a cluster that is there, line by line, and leaves it alone', async () => {
      await create();
      const other = open({ image: 'rancher/k3s:v1.25.6-k3s1', ports: [] });
      const error = (await create(other).catch((it: unknown) => it)) as { type: string; evidence: string[] };
      expect(error.type).toBe('cluster.different');
      expect(error.evidence).toEqual([
        `image: ${settings.image}, wanted rancher/k3s:v1.25.6-k3s1`,
        `ports: ${settings.ports[0]?.replace('@loadbalancer', '') ?? ''}, wanted none`,
      ]);
      expect((await target.observe()).phase).toBe('ready');
    });

    it('uses a cluster that somebody else made when it is the same, and does not delete it', async () => {
      await create();
      engine.change(({ containers }) => {
        for (const { labels, ports } of containers) {
          delete labels['tracewright.dev/environment'];
          for (const bindings of Object.values(ports)) for (const it of bindings) it.HostIp = '0.0.0.0';
        }
      });
      expect(await create()).toMatchObject({ owned: false });
      expect((await target.observe()).facts.owned).toBe(false);
      await expect(create(open({ ports: [] }))).rejects.toMatchObject({ type: 'cluster.different' });
      await target.delete();
      expect(names()).toEqual(['k3d-it-server-0', 'k3d-it-serverlb']);
    });

    it.each([
      ['down', 'docker.unreachable'],
      ['forbidden', 'docker.forbidden'],
    ] as const)('says that Docker is %s', async (docker, type) => {
      engine.change((it) => {
        it.docker = docker;
      });
      expect((await target.observe()).phase).toBe('broken');
      await expect(create()).rejects.toMatchObject({ type });
      // Nothing was begun, so that there is nothing to take away.
      await target.delete();
    });

    it('does not call a cluster deleted while Docker is down', async () => {
      await create();
      engine.change((it) => {
        it.docker = 'down';
      });
      await expect(target.delete()).rejects.toMatchObject({ type: 'docker.unreachable' });
    });

    it('names what cannot be removed', async () => {
      engine.change(({ volumes }) => {
        const labels = { app: 'k3d', 'k3d.cluster': 'it', 'test.in-use': 'yes' };
        volumes.push({ name: 'k3d-it-images', labels });
      });
      await expect(target.delete()).rejects.toMatchObject({
        type: 'cluster.residue',
        evidence: ['volume k3d-it-images'],
      });
    });

    it('removes the network that k3d left behind', async () => {
      await create();
      scenario('delete-leaves-network');
      await target.delete();
      expect(remains(engine.read())).toEqual([]);
    });
  },
);
