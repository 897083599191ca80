import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Progress } from '../../src/domain/progress.js';
import { connectKubernetes, type Kubernetes } from '../../src/tools/kubernetes/connection.js';
import type { ObjectList, Pod } from '../../src/tools/kubernetes/objects.js';
import { findChromium, startChromium } from '../support/chromium.js';
import { sendLargeTrace } from '../page/support.js';
import { whyNoCluster } from '../support/embedded-cluster.js';
import { TracesPage } from '../support/traces-page.js';
import { createCli, type Cli, type RunningCli } from './cli.js';

const executable = await findChromium();
const reason = executable === undefined ? 'there is no Chromium' : await whyNoCluster();
/** For what a loaded machine does at its own pace. */
const patience = { timeout: 90_000, interval: 250 };

/** The tutorial's last part in the browser, on the embedded cluster: one environment for all. */
describe.skipIf(reason !== undefined)('open traces', { timeout: 300_000 }, () => {
  /** Of what has been started, the last first. */
  const cleanUps: (() => unknown)[] = [];
  let cli: Cli;
  let serving: RunningCli;
  let traces: TracesPage;
  let kube: Kubernetes;
  let url: string;

  beforeAll(async () => {
    const stateDir = await mkdtemp(join(tmpdir(), 'tracewright-page-'));
    cli = createCli(stateDir);
    cleanUps.unshift(
      () => cli.run('down'),
      () => rm(stateDir, { recursive: true, force: true }),
    );
    const { exitCode, stdout, stderr } = await cli.run('up', '--name', 'page');
    expect(exitCode, stdout + stderr).toBe(0);
    const progress = JSON.parse((await cli.run('status', '--json')).stdout) as Progress;
    kube = connectKubernetes({ kubeconfigPath: progress.cluster?.kubeconfigPath ?? '' });
    serving = cli.start('open', 'traces', '--no-browser');
    cleanUps.unshift(() => {
      kube.close();
      return serving.interrupt();
    });
    await vi.waitFor(() => {
      expect(serving.output()).toMatch(/http:\S+/u);
    }, patience);
    [url = ''] = /http:\S+/u.exec(serving.output()) ?? [];
    const browser = await startChromium(executable ?? '');
    cleanUps.unshift(() => browser.close());
    traces = new TracesPage(await browser.newPage({ viewport: { width: 1440, height: 900 } }));
    traces.page.setDefaultTimeout(patience.timeout);
    await traces.open(url);
  }, 600_000);

  afterAll(async () => {
    for (const cleanUp of cleanUps) await cleanUp();
  }, 120_000);

  it('shows the proof of `up`, hop by hop, and the steps of `status`', async () => {
    await traces.tab('Proof');
    await expect.poll(() => traces.page.locator('.hop.passed').count(), patience).toBe(4);
    expect(await traces.page.locator('.hop.skipped').innerText()).toContain('Grafana');
    expect(await traces.page.locator('.step.done').count()).toBeGreaterThan(5);
    await traces.page.getByRole('link', { name: 'its trace' }).click();
    await traces.spans.waitFor();
    expect(await traces.page.getByRole('heading', { level: 2 }).innerText()).toContain('prove embedded');
    await traces.tab('Traces');
  });

  it('takes a ride for a customer, and finds it as the tutorial does: by its query, the longest first', async () => {
    await traces.ride('Japanese Desserts');
    await traces.page.getByRole('heading', { level: 2, name: 'Japanese Desserts' }).waitFor();
    await traces.tab('Traces');
    await traces.choose('The tutorial’s');
    await traces.rows.filter({ hasText: 'Japanese Desserts' }).waitFor();
    const title = await traces.rows.first().locator('a').innerText();
    await traces.rows.first().click();
    await traces.spans.waitFor();
    expect(await traces.page.getByRole('heading', { level: 2 }).innerText()).toBe(title);
    expect(await traces.spans.locator('.critical').count()).toBeGreaterThan(5);
    await traces.tab('Traces');
  });

  it('shows a mistake in a query at its place', async () => {
    await traces.ask('{ span.http.method = } && { status = error }');
    expect(await traces.page.getByRole('alert').innerText()).toMatch(/unexpected/u);
    expect(await traces.page.locator('.cm-mistake').innerText()).toMatch(/[=}]/u);
    await traces.choose('The tutorial’s');
    await expect.poll(() => traces.page.getByRole('alert').count(), patience).toBe(0);
  });

  it('scrolls through 10,000 spans that came by the collector', async () => {
    await sendLargeTrace(kube);
    await expect
      .poll(async () => {
        await traces.page.goto(`${url}?trace=${'a'.repeat(32)}`);
        await traces.spans.or(traces.page.getByRole('alert')).first().waitFor();
        return (await traces.spans.count()) === 1 && traces.spans.getAttribute('aria-rowcount');
      }, patience)
      .toBe('10000');
    await traces.spans.focus();
    await traces.page.keyboard.press('End');
    await traces.page.locator('#span-9999').waitFor();
    expect(await traces.spans.getByRole('row').count()).toBeLessThan(100);
    await traces.tab('Traces');
  });

  it('follows `verify` while it runs', async () => {
    await traces.tab('Proof');
    const before = await traces.page.getByRole('link', { name: 'its trace' }).getAttribute('href');
    const isFollowed = async (): Promise<boolean> => {
      const verified = cli.run('verify');
      const seen = traces.page.locator('.hop.running').first().waitFor();
      // On a machine that is busy it may be over between two looks of the page.
      const followed = await Promise.race([seen.then(() => true), verified.then(() => false)]);
      seen.catch(() => undefined);
      expect((await verified).exitCode).toBe(0);
      return followed;
    };
    await expect.poll(isFollowed, patience).toBe(true);
    await expect
      .poll(() => traces.page.getByRole('link', { name: 'its trace' }).getAttribute('href'), patience)
      .not.toBe(before);
    await expect.poll(() => traces.page.locator('.hop.passed').count(), patience).toBe(4);
    await traces.tab('Traces');
  });

  it('goes on when the store was killed and is back', async () => {
    const alert = traces.page.getByRole('alert');
    const path = '/api/v1/namespaces/tracing/pods';
    const { items } = await kube.json<ObjectList<Pod>>({ path });
    for (const pod of items ?? [])
      await kube.send({
        method: 'DELETE',
        path: `${path}/${pod.metadata.name}`,
        query: { gracePeriodSeconds: 0 },
      });
    await alert.first().waitFor();
    await alert.first().waitFor({ state: 'detached' });
    await traces.ride('Trom Chocolatier');
    await traces.page.getByRole('heading', { level: 2, name: 'Trom Chocolatier' }).waitFor();
  });

  it('complains of nothing, asks nobody else, and ends with Ctrl-C', async () => {
    expect(traces.complaints).toEqual([]);
    expect(traces.requests.filter((it) => !it.startsWith(url))).toEqual([]);
    expect(await serving.interrupt()).toBe(0);
    await traces.page.getByRole('alert').filter({ hasText: 'has ended' }).waitFor();
  });

  it('is for this machine only', async () => {
    const { exitCode, stderr } = await cli.run('open', 'traces', '--address', '0.0.0.0');
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('for this machine only')]);
  });
});
