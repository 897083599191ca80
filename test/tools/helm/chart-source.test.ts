import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ChartSource } from '../../../src/domain/stack.js';
import { locateChart } from '../../../src/tools/helm/chart-source.js';
import { createHelm, type Helm } from '../../../src/tools/helm/helm.js';
import { writeChart } from '../../support/chart.js';
import { digestOf, startChartServer, type ChartServer } from '../../support/chart-server.js';
import { testHelms } from '../../support/helm.js';

let folder: string;
let archive: Buffer;
let otherArchive: Buffer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tracewright-charts-'));
  archive = await packChart('demo', {});
  otherArchive = await packChart('changed', { 'templates/more.yaml': '' });
});
afterAll(() => rm(folder, { recursive: true }));

/** A .tgz as `helm package` makes it: of demo 1.2.3. */
async function packChart(place: string, files: Record<string, string>): Promise<Buffer> {
  const parent = join(folder, place);
  const bulk = Array.from({ length: 400 }, (_, line) => `# ${String(line * 7919)}\n`).join('');
  await writeChart(join(parent, 'demo'), { files: { 'bulk.txt': bulk, ...files } });
  execFileSync('tar', ['-czf', join(parent, 'demo-1.2.3.tgz'), '-C', parent, 'demo']);
  return readFile(join(parent, 'demo-1.2.3.tgz'));
}

describe.each(testHelms)('charts, with helm $version', ({ binary }) => {
  let server: ChartServer;
  let cacheDir: string;
  let helm: Helm;
  let told: string[];
  beforeEach(async () => {
    told = [];
    server = await startChartServer();
    server.publish({ name: 'demo', version: '1.2.3', archive });
    cacheDir = await mkdtemp(join(folder, 'cache-'));
    helm = createHelm({
      binary,
      homeDir: join(cacheDir, 'home'),
      kubeconfigPath: '/nowhere',
      downloadMs: 5_000,
    });
  });
  afterEach(() => {
    server.close();
  });

  const locate = (source: ChartSource): Promise<string> =>
    locateChart(source, helm, { cacheDir, embeddedCharts, onProgress: (text) => told.push(text) }, {});
  const embeddedCharts = (): Promise<undefined> => Promise.resolve(undefined);
  const ofRepository = (digest?: string): ChartSource => ({
    repository: server.repository,
    name: 'demo',
    version: '1.2.3',
    digest,
  });
  const ofRegistry = (digest?: string): ChartSource => ({
    oci: `${server.oci}/demo`,
    version: '1.2.3',
    digest,
  });
  const sources = [
    { kind: 'an HTTP repository', from: ofRepository },
    { kind: 'an OCI registry', from: ofRegistry },
  ];

  describe.each(sources)('of $kind', ({ from }) => {
    it('arrive byte for byte, once, and are kept', async () => {
      const path = await locate(from());
      expect(await readFile(path)).toEqual(archive);
      const asked = server.requests.length;
      expect(told).toEqual([expect.stringMatching(/^Downloading the chart .*demo.*1\.2\.3/u)]);
      expect(await locate(from())).toBe(path);
      expect(told).toHaveLength(1);
      expect(server.requests).toHaveLength(asked);
      expect(await readdir(join(path, '..'))).toEqual(['demo-1.2.3.tgz']);
    });

    it('are checked against their digest; another one is refused with both', async () => {
      await expect(locate(from(digestOf(archive)))).resolves.toBeDefined();
      const wrong = digestOf(otherArchive);
      const error = await locate(from(wrong)).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ type: 'lock.mismatch', retryable: false });
      expect((error as Error).message).toContain(wrong);
      expect((error as Error).message).toContain(digestOf(archive));
    });

    it('are fetched anew when the kept one is not the locked one', async () => {
      await locate(from());
      server.publish({ name: 'demo', version: '1.2.3', archive: otherArchive });
      expect(await readFile(await locate(from(digestOf(otherArchive))))).toEqual(otherArchive);
    });

    it('stay where they are when another release wants the same version as it is published now', async () => {
      const first = await locate(from(digestOf(archive)));
      server.publish({ name: 'demo', version: '1.2.3', archive: otherArchive });
      await locate(from(digestOf(otherArchive)));
      await locate(from());
      expect(await readFile(first)).toEqual(archive);
    });

    it.each(['half', 'cut-off', 'page', 'hang', { status: 500 }, { status: 429 }] as const)(
      'are not kept when the server gives %j',
      async (mischief) => {
        server.mischief = mischief;
        await expect(locate(from())).rejects.toMatchObject({ type: 'chart.unavailable', retryable: true });
        expect(await readdir(join(cacheDir, 'charts'))).toEqual([]);
        server.mischief = undefined;
        await expect(locate(from())).resolves.toBeDefined();
      },
    );

    it('are named when the server wants a login, or lacks them', async () => {
      server.mischief = { status: 403 };
      await expect(locate(from())).rejects.toMatchObject({ type: 'chart.unavailable', retryable: false });
      server.mischief = { status: 404 };
      await expect(locate(from())).rejects.toMatchObject({ type: 'chart.not-found' });
    });
  });

  it('are pulled at the same time without a race, the same one too', async () => {
    const names = ['demo', 'one', 'two', 'three'];
    for (const name of names) {
      await writeChart(join(cacheDir, name, name), { name });
      execFileSync('tar', ['-czf', join(cacheDir, `${name}.tgz`), '-C', join(cacheDir, name), name]);
      server.publish({ name, version: '1.2.3', archive: await readFile(join(cacheDir, `${name}.tgz`)) });
    }
    const all = [...names, ...names].flatMap((name): ChartSource[] => [
      { repository: server.repository, name, version: '1.2.3' },
      { oci: `${server.oci}/${name}`, version: '1.2.3' },
    ]);
    const paths = await Promise.all(all.map(locate));
    const charts = await Promise.all(paths.map((path) => helm.showChart(path)));
    expect(charts.map(({ name }) => name)).toEqual(
      all.map((source) => ('oci' in source ? source.oci.split('/').at(-1) : 'name' in source && source.name)),
    );
    expect(new Set(paths).size).toBe(8);
  });

  it('of a folder or a .tgz stay where they are', async () => {
    const chart = join(folder, 'demo', 'demo');
    const packed = `${chart}-1.2.3.tgz`;
    expect(await locate({ path: chart })).toBe(chart);
    expect(await locate({ path: packed, digest: digestOf(archive) })).toBe(packed);
    await expect(locate({ path: packed, digest: digestOf('x') })).rejects.toMatchObject({
      type: 'lock.mismatch',
    });
    await expect(locate({ path: chart, digest: digestOf(archive) })).rejects.toMatchObject({
      type: 'lock.mismatch',
    });
    await expect(locate({ path: join(folder, 'nowhere') })).rejects.toMatchObject({
      type: 'chart.not-found',
    });
  });

  it('never touch the home of the user’s own helm', async () => {
    const home = await mkdtemp(join(folder, 'user-'));
    await writeFile(join(home, 'mine'), '');
    const before = process.env['HOME'];
    process.env['HOME'] = home;
    try {
      await locate(ofRepository());
      await locate(ofRegistry());
    } finally {
      process.env['HOME'] = before;
    }
    expect(await readdir(home, { recursive: true })).toEqual(['mine']);
  });
});
