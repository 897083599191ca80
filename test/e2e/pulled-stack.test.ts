import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { builtInStacks } from '../../src/cli/stack-sources.js';
import { parseImage } from '../../src/domain/images.js';
import type { Progress } from '../../src/domain/progress.js';
import { buildEmbedded } from '../../src/targets/embedded/build/build.js';
import type { EmbeddedBuild } from '../../src/targets/embedded/build/store.js';
import { embeddedSourceDir } from '../../src/targets/open-target.js';
import { run } from '../../src/tools/process.js';
import { sharedCacheDir } from '../support/cache.js';
import { startChartServer, type ChartServer } from '../support/chart-server.js';
import { startDockerRegistry, whyNoRegistry, type DockerRegistry } from '../support/docker-registry.js';
import { whyNoCluster } from '../support/embedded-cluster.js';
import { testHelms } from '../support/helm.js';
import { startProxy, type Proxy } from '../support/proxy.js';
import { createCli } from './cli.js';

const reason = (await whyNoCluster()) ?? (await whyNoRegistry());

/** What the trace store is called here: the images of a stack of upstream charts have such names. */
const storeImage = { repository: 'docker.io/grafana/tempo', tag: '2.0.0' };
const built = 'tracewright/trace-store:0.1.0';
/** Slow enough that the largest images are seen coming, fast enough for all of them in half a minute. */
const bytesPerSecond = 8e6;

/**
 * A stack of charts from a repository, with the images that we build, under upstream's names, in one registry for all
 * registries: nothing of it comes with the cluster.
 */
describe.skipIf(reason !== undefined)(
  `a stack that is pulled${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    let root: string;
    let registry: DockerRegistry;
    let charts: ChartServer;
    let line: Proxy;
    let cli: ReturnType<typeof createCli>;

    const up = async (): Promise<{ progress: Progress; told: string }> => {
      const { exitCode, stdout, stderr } = await cli.run(
        ...[
          'up',
          '--target',
          'embedded',
          '--stack',
          join(root, 'pulled.yaml'),
          '--images-from',
          line.address,
        ],
      );
      expect(exitCode, stdout + stderr).toBe(0);
      const { stdout: text } = await cli.run('status', '--name', 'pulled', '--json');
      return { progress: JSON.parse(text) as Progress, told: stdout };
    };

    beforeAll(async () => {
      root = await mkdtemp(join(tmpdir(), 'tracewright-pulled-'));
      const build = await buildEmbedded({ sourceDir: embeddedSourceDir, cacheDir: sharedCacheDir });
      // A cache without blobs and charts; build and tools are those of the machine.
      await mkdir(join(root, 'cache'));
      for (const part of ['embedded', 'tools'])
        await symlink(join(sharedCacheDir, part), join(root, 'cache', part));
      registry = await startDockerRegistry(root);
      await pushAll(build, registry);
      line = await startProxy(registry.host, { bytesPerSecond });
      charts = await startChartServer();
      const versions = await publishAll(build, charts, join(root, 'charts'));
      await writeFile(join(root, 'pulled.yaml'), await stackText(charts.repository, versions));
      cli = createCli(join(root, 'state'), { TRACEWRIGHT_CACHE_DIR: join(root, 'cache') });
    }, 15 * 60_000);

    afterAll(async () => {
      // First what would outlive the test.
      await cli.run('down', '--name', 'pulled');
      await line.close();
      registry.close();
      charts.close();
      await rm(root, { recursive: true, force: true });
    }, 120_000);

    it('is pulled, with a word on how far it is, and proved', { timeout: 300_000 }, async () => {
      registry.gets();
      const { progress, told } = await up();
      expect(progress.phase).toBe('Ready');
      expect(
        progress.proof?.checks.filter(({ state }) => state === 'passed').map(({ name }) => name),
      ).toEqual(['ride', 'collector-log', 'tempo-by-id', 'traceql']);
      expect(told).toMatch(/pulling \S+, \d+ of \d+ MB/u);
      const repositories = new Set(
        registry.gets().flatMap((path) => /^\/v2\/(.+)\/blobs\//u.exec(path)?.[1] ?? []),
      );
      // Whichever of cert-manager's programs comes first: they are one image.
      expect([...repositories].filter((name) => !name.startsWith('jetstack/')).sort()).toEqual([
        'grafana/tempo',
        'jaegertracing/example-hotrod',
        'open-telemetry/opentelemetry-operator/opentelemetry-operator',
        'otel/opentelemetry-collector-contrib',
        'prometheus-operator/prometheus-config-reloader',
        'prometheus-operator/prometheus-operator',
        'prometheus/prometheus',
      ]);
      expect(charts.requests.filter((path) => path.endsWith('.tgz'))).toHaveLength(4);
    });

    it('goes, comes again and is proved without one more byte of it', { timeout: 300_000 }, async () => {
      const down = await cli.run('down', '--name', 'pulled');
      expect(down.exitCode, down.stdout + down.stderr).toBe(0);
      expect(await readdir(join(root, 'state', 'clusters'))).toEqual([]);
      registry.gets();
      charts.requests.length = 0;
      const { progress } = await up();
      expect(progress.phase).toBe('Ready');
      expect(registry.gets()).toEqual([]);
      expect(charts.requests).toEqual([]);
    });
  },
);

async function pushAll({ images }: EmbeddedBuild, registry: DockerRegistry): Promise<void> {
  for (const { ref, tar } of images) {
    const name = ref === built ? `${storeImage.repository}:${storeImage.tag}` : ref;
    const { repository, tag = 'latest' } = parseImage(name) ?? {};
    if (repository !== undefined) await registry.push(tar, repository, tag, ref);
  }
}

/** @returns the version of each chart */
async function publishAll(
  { charts }: EmbeddedBuild,
  server: ChartServer,
  folder: string,
): Promise<ReadonlyMap<string, string>> {
  const versions = new Map<string, string>();
  for (const name of await readdir(charts)) {
    const { version } = parse(await readFile(join(charts, name, 'Chart.yaml'), 'utf8')) as {
      version: string;
    };
    await run(testHelms[0]?.binary ?? 'helm', ['package', join(charts, name), '--destination', folder]);
    server.publish({ name, version, archive: await readFile(join(folder, `${name}-${version}.tgz`)) });
    versions.set(name, version);
  }
  return versions;
}

interface StackFile {
  readonly components: Readonly<
    Record<string, { release?: { chart: object; values?: Record<string, unknown> } }>
  >;
}

/** The stack `embedded`, with every chart from the repository. */
async function stackText(repository: string, versions: ReadonlyMap<string, string>): Promise<string> {
  const stack = parse(await readFile(join(builtInStacks, 'embedded.yaml'), 'utf8')) as StackFile;
  for (const { release } of Object.values(stack.components)) {
    if (!release || !('embedded' in release.chart)) continue;
    const name = String(release.chart.embedded);
    release.chart = { repository, name, version: versions.get(name) };
    if (name === 'trace-store') release.values = { ...release.values, image: storeImage };
  }
  return stringify({ ...stack, name: 'pulled', targets: ['embedded'] });
}
