import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nodeImages } from '../../../src/targets/embedded/download/pins.js';
import { providePrograms, type ProgramsQuestion } from '../../../src/targets/embedded/provide.js';
import { cniPlugins, findHostPrograms } from '../../../src/targets/embedded/programs.js';
import { createEmbeddedTarget } from '../../../src/targets/embedded/target.js';
import { embeddedSourceDir } from '../../../src/targets/open-target.js';
import type { Target } from '../../../src/targets/target.js';
import { applyObjects } from '../../../src/tools/kubernetes/apply.js';
import { connectKubernetes, type Kubernetes } from '../../../src/tools/kubernetes/connection.js';
import { waitReady } from '../../../src/tools/kubernetes/ready/wait-ready.js';
import { startDockerRegistry, whyNoRegistry, type DockerRegistry } from '../../support/docker-registry.js';
import { embeddedPrograms, whyNoCluster } from '../../support/embedded-cluster.js';
import { startFileServer, type FileServer } from '../../support/file-server.js';
import { pathWithout } from '../../support/path-without.js';
import { prebuild, publish } from '../../support/publishers.js';

const unsupported = (await whyNoCluster()) ?? (await whyNoRegistry());
const timeoutMs = 180_000;

/** The programs are those of the true build, under the names and in the archives of their publishers. */
describe.skipIf(unsupported !== undefined)('an embedded cluster on a machine without Go', () => {
  let root: string;
  let registry: DockerRegistry;
  let server: FileServer;
  let question: ProgramsQuestion;
  let target: Target;
  let kube: Kubernetes;

  const deploy = async (name: string): Promise<void> => {
    const labels = { app: name };
    const containers = [{ name, image: 'jaegertracing/example-hotrod:1.42.0', args: ['all'] }];
    const template = { metadata: { labels }, spec: { containers } };
    const spec = { selector: { matchLabels: labels }, template };
    const objects = [{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec }];
    const owner = { environment: 'bare', component: name };
    await applyObjects(kube, { objects, namespace: 'default', owner, adopt: false });
    await waitReady(kube, {
      namespace: 'default',
      environment: 'bare',
      component: name,
      checks: [{ rollout: `Deployment/${name}` }],
      objectsOf: () => ({ namespace: 'default', objects }),
      timeoutMs: 60_000,
      onProgress: () => undefined,
    });
  };

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'tracewright-download-'));
    const build = await embeddedPrograms();
    const { paths, cniFolder = '' } = await findHostPrograms();
    const plugins = cniPlugins.map((plugin) => [plugin, join(cniFolder, plugin)] as const);
    const programs = new Map([...Object.entries(build.programs), ...paths, ...plugins]);
    const published = await publish(join(root, 'published'), programs);
    server = await startFileServer({ files: published.paths });
    registry = await startDockerRegistry(root);
    for (const [ref, tag] of [
      ['embedded.local/pause:1', nodeImages.sandbox],
      ['registry.k8s.io/coredns/coredns:v1.12.3', nodeImages.dns],
      ['jaegertracing/example-hotrod:1.42.0', 'docker.io/jaegertracing/example-hotrod:1.42.0'],
    ] as const) {
      const archive = build.images.find((image) => image.ref === ref)?.tar ?? '';
      const [, repository = '', version = ''] = /^[^/]+\/(.+):(.+)$/u.exec(tag) ?? [];
      await registry.push(archive, repository, version);
    }
    question = {
      cacheDir: join(root, 'cache'),
      variables: { PATH: await pathWithout('go') },
      from: server.url,
      files: published.files,
      prebuilt: {
        sourceDir: embeddedSourceDir,
        folder: await prebuild(join(root, 'prebuilt'), build.programs),
      },
      needsBuilt: false,
    };
  }, 20 * 60_000);

  afterAll(async () => {
    registry.close();
    server.close();
    await target.delete();
    kube.close();
    expect(await readdir(join(root, 'state', 'clusters'))).toEqual([]);
    await rm(root, { recursive: true });
  }, 60_000);

  test(
    'runs from what is published, with programs of ours from the package',
    async () => {
      const told: string[] = [];
      const programs = await providePrograms(question, (text) => told.push(text));
      expect(told.at(-1)).toContain('Unpacking');
      expect(told.some((text) => /: \d+ of \d+ MB$/u.test(text))).toBe(true);
      expect(await readdir(join(root, 'cache', 'kubernetes'))).toEqual([programs.hash]);
      const pulls = { built: false, from: `http://${registry.host}`, cacheDir: join(root, 'cache') };
      target = createEmbeddedTarget({ name: 'bare', stateDir: join(root, 'state'), build: programs, pulls });
      const { kubeconfigPath, version } = await target.create({ onProgress: () => undefined });
      expect(version).toBe('v1.34.4');
      kube = connectKubernetes({ kubeconfigPath });
      await deploy('hotrod');
      const pulled = registry.gets().join('\n');
      for (const image of ['/v2/pause/', '/v2/coredns/coredns/', '/v2/jaegertracing/example-hotrod/'])
        expect(pulled).toContain(image);
    },
    timeoutMs,
  );

  test(
    'asks nobody for it again, and outlives its cache',
    async () => {
      const before = server.requests.length;
      await providePrograms(question, () => undefined);
      expect(server.requests.length).toBe(before);
      await rm(join(root, 'cache'), { recursive: true });
      await deploy('another');
    },
    timeoutMs,
  );
});
