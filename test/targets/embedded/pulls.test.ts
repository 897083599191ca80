import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterFolder, readNodeStatus } from '../../../src/targets/embedded/folder.js';
import type { EmbeddedPrograms } from '../../../src/targets/embedded/build/store.js';
import { clusterProcesses } from '../../../src/targets/embedded/processes.js';
import { withPullProgress, type ImagePulls } from '../../../src/targets/embedded/pulls.js';
import { saveImages } from '../../../src/targets/embedded/save-images.js';
import { createEmbeddedTarget } from '../../../src/targets/embedded/target.js';
import { embeddedSourceDir } from '../../../src/targets/open-target.js';
import type { Target } from '../../../src/targets/target.js';
import { applyObjects } from '../../../src/tools/kubernetes/apply.js';
import { connectKubernetes, type Kubernetes } from '../../../src/tools/kubernetes/connection.js';
import { waitReady } from '../../../src/tools/kubernetes/ready/wait-ready.js';
import { startDockerRegistry, whyNoRegistry, type DockerRegistry } from '../../support/docker-registry.js';
import { sharedCacheDir } from '../../support/cache.js';
import { embeddedPrograms, whyNoCluster } from '../../support/embedded-cluster.js';

const unsupported = (await whyNoCluster()) ?? (await whyNoRegistry());
const hotrod = 'jaegertracing/example-hotrod:1.42.0';
const timeoutMs = 120_000;

/** The tests follow each other: a cluster that pulls, troubles, the proxy's death, and a second cluster. */
describe.skipIf(unsupported !== undefined)('an embedded cluster that pulls its images', () => {
  let root: string;
  let registry: DockerRegistry;
  let build: EmbeddedPrograms;
  let target: Target;
  let kube: Kubernetes;
  const folder = () => clusterFolder(join(root, 'state'), 'puller');

  const targetWith = (pulls: Omit<ImagePulls, 'built'>): Target =>
    createEmbeddedTarget({
      name: 'puller',
      stateDir: join(root, 'state'),
      build,
      pulls: { built: false, ...pulls },
    });

  const start = async (): Promise<void> => {
    target = targetWith({ from: `http://${registry.host}`, cacheDir: join(root, 'cache') });
    const { kubeconfigPath } = await target.create({ onProgress: () => undefined });
    kube = connectKubernetes({ kubeconfigPath });
  };

  const deploy = async (name: string, image: string, told: string[] = []): Promise<void> => {
    const labels = { app: name };
    const container = { name, image, args: ['all'], ports: [{ containerPort: 8080 }] };
    const spec = {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
    };
    const objects = [{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec }];
    await applyObjects(kube, {
      objects,
      namespace: 'default',
      owner: { environment: 'puller', component: name },
      adopt: false,
    });
    await withPullProgress(
      { stateDir: join(root, 'state'), cluster: 'puller' },
      (text) => told.push(text),
      (onProgress) =>
        waitReady(kube, {
          namespace: 'default',
          environment: 'puller',
          component: name,
          checks: [{ rollout: `Deployment/${name}` }],
          objectsOf: () => ({ namespace: 'default', objects }),
          timeoutMs: 60_000,
          onProgress,
        }),
    );
  };

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'tracewright-pulls-'));
    build = await embeddedPrograms();
    registry = await startDockerRegistry(root);
    const archive = build.images.find(({ ref }) => ref === hotrod)?.tar ?? '';
    await registry.push(archive, 'jaegertracing/example-hotrod', '1.42.0');
    await registry.push(archive, 'saved/hotrod', '1');
    await start();
  }, 20 * 60_000);

  afterAll(async () => {
    // First what would outlive the test, should an earlier step have failed.
    registry.close();
    await target.delete();
    kube.close();
    expect(await readdir(join(root, 'state', 'clusters'))).toEqual([]);
    await rm(root, { recursive: true });
  }, 60_000);

  test(
    'has none of the images that were built for the stack, and pulls',
    async () => {
      expect((await readNodeStatus(folder()))?.images.ready.some((ref) => ref.includes('hotrod'))).toBe(
        false,
      );
      registry.gets();
      const told: string[] = [];
      await deploy('hotrod', hotrod, told);
      expect(registry.gets().some((path) => path.includes('/blobs/'))).toBe(true);
      expect(told.join('\n')).toMatch(/pulling (?:image )?jaegertracing\/example-hotrod:1\.42\.0/u);
    },
    timeoutMs,
  );

  test(
    'says what is wrong with an image',
    async () => {
      await expect(deploy('unknown', 'quay.io/not/there:1')).rejects.toMatchObject({
        type: 'ready.image-pull',
        message: expect.stringContaining('not found') as string,
        retryable: false,
      });
    },
    timeoutMs,
  );

  test(
    'starts the proxy again, with which nothing on the host can speak',
    async () => {
      const before = (await readNodeStatus(folder()))?.programs['image-proxy'];
      expect(before?.pid).toBeGreaterThan(0);
      const outside = await hostPid(folder().id, 'serve');
      process.kill(outside, 'SIGKILL');
      await expect
        .poll(async () => (await readNodeStatus(folder()))?.programs['image-proxy']?.starts, {
          timeout: 20_000,
        })
        .toBe((before?.starts ?? 0) + 1);
      // In the host's network and file system, and in none of the node's.
      const restarted = await hostPid(folder().id, 'serve');
      for (const kind of ['net', 'mnt'])
        expect(await readlink(`/proc/${String(restarted)}/ns/${kind}`)).toBe(
          await readlink(`/proc/self/ns/${kind}`),
        );
      const tokens = await readFile(join(folder().path, 'conf', 'hosts', '_default', 'hosts.toml'), 'utf8');
      const port = Number(/127\.0\.0\.1:(\d+)/u.exec(tokens)?.[1]);
      await expect(fetch(`http://127.0.0.1:${String(port)}/v2/`)).rejects.toThrow();
    },
    timeoutMs,
  );

  test(
    'pulls nothing again when it is made anew',
    async () => {
      kube.close();
      await target.delete();
      expect(await readdir(join(root, 'state', 'clusters'))).toEqual([]);
      registry.gets();
      await start();
      await deploy('hotrod', hotrod);
      expect(registry.gets()).toEqual([]);
    },
    2 * timeoutMs,
  );

  test(
    'saves images as archives',
    async () => {
      const save = (...images: string[]): Promise<number> =>
        saveImages({
          images,
          folder: join(root, 'archives'),
          pulls: { built: false, from: `http://${registry.host}`, cacheDir: sharedCacheDir, cacheBytes: 0 },
          sourceDir: embeddedSourceDir,
          onProgress: () => undefined,
          signal: new AbortController().signal,
        });
      expect(await save('quay.io/saved/hotrod:1')).toBeGreaterThan(1e6);
      expect(await readdir(join(root, 'archives'))).toEqual(['quay.io_saved_hotrod_1.tar']);
      await expect(save('quay.io/not/there:1')).rejects.toMatchObject({ type: 'image.not-found' });
    },
    10 * 60_000,
  );

  test(
    'says that no registry answers, and that it will try again',
    async () => {
      registry.close();
      await expect(deploy('later', 'quay.io/any/thing:1')).rejects.toMatchObject({
        type: 'ready.image-pull',
        message: expect.stringContaining('cannot be reached') as string,
        retryable: true,
      });
    },
    timeoutMs,
  );

  test(
    'takes them from the archives, without a restart and with no registry',
    async () => {
      const node = (await readNodeStatus(folder()))?.startedAt;
      const from = join(root, 'archives');
      await targetWith({ from, cacheDir: join(root, 'other-cache') }).create({ onProgress: () => undefined });
      await deploy('saved', 'quay.io/saved/hotrod:1');
      expect((await readNodeStatus(folder()))?.startedAt).toBe(node);
    },
    timeoutMs,
  );
});

/** The pid that the host gives to the image proxy. */
async function hostPid(id: string, command: string): Promise<number> {
  for (const { pid } of await clusterProcesses(id)) {
    const line = await readFile(`/proc/${String(pid)}/cmdline`, 'utf8').catch(() => '');
    if (/^image-proxy\0/u.test(line) && line.split('\0')[1] === command) return pid;
  }
  throw new Error('the image proxy does not run');
}
