import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderTracePage } from '../../src/cli/views/trace-page.js';
import type { ServedPage } from '../../src/page/server.js';
import type { StatusAnswer } from '../../src/page/wire.js';
import { rideTrace } from '../proof/support/fixtures.js';
import { LoopbackKube } from '../proof/support/loopback-kube.js';
import { missingPrograms, Programs, type TempoProcess } from '../proof/support/programs.js';
import { findChromium, startChromium } from '../support/chromium.js';
import { testFolder } from '../support/folder.js';
import { TracesPage } from '../support/traces-page.js';
import { hopsOf, largeTrace, noStatus, serve } from './support.js';

const executable = await findChromium();
const reason = executable === undefined ? 'there is no Chromium' : missingPrograms;
if (reason !== undefined) console.warn(`SKIPPED, the page of traces in a real browser: ${reason}`);
const schemes = ['light', 'dark'] as const;

/** The built page in a real browser, over HotROD, the collector and the trace store as plain processes. */
describe.skipIf(reason)('the page of traces', () => {
  const kube = new LoopbackKube();
  let programs: Programs;
  let tempo: TempoProcess;
  let served: ServedPage;
  let browser: Browser;
  let status: StatusAnswer = noStatus;
  let traces: TracesPage;

  const useStore = async (): Promise<void> => {
    tempo = await programs.tempo();
    const collector = await programs.collector(tempo.otlpPort);
    const hotrod = await programs.hotrod(collector.jaegerPort);
    kube.services.set('tempo.tracing:3100', { port: tempo.httpPort });
    kube.services.set('collector.otel-system:4318', { port: collector.otlpHttpPort });
    kube.services.set('hotrod.default:8080', { port: hotrod.port });
    kube.log = () => collector.log();
  };
  const rideBeside = async (customer: number): Promise<void> => {
    const { origin, pathname } = new URL(served.url);
    const headers = { origin, 'content-type': 'application/json' };
    const body = JSON.stringify({ customer });
    const taken = await fetch(`${origin}${pathname}api/ride`, { method: 'POST', headers, body });
    const { traceId } = (await taken.json()) as { traceId: string };
    await fetch(`${origin}${pathname}api/ride/${traceId}`);
  };

  beforeAll(async () => {
    programs = await Programs.open();
    await useStore();
    served = await serve(kube, () => Promise.resolve(status));
    browser = await startChromium(executable ?? '');
    traces = new TracesPage(await browser.newPage({ viewport: { width: 1440, height: 900 } }));
    for (const customer of [123, 392]) await rideBeside(customer);
  });
  afterAll(async () => {
    await browser.close();
    await served.close();
    await programs.close();
  });

  it('leads by clicks from the query of the tutorial to the waterfall of the longest trace', async () => {
    await traces.open(served.launchUrl());
    expect(traces.page.url()).toBe(served.url);
    await traces.choose('The tutorial’s');
    await expect.poll(() => traces.rows.count()).toBeGreaterThanOrEqual(2);
    const durations = await traces.rows.locator('.by-duration span').allInnerTexts();
    expect(durations.map(msOf)).toEqual(durations.map(msOf).toSorted((a, b) => b - a));
    const title = await traces.rows.first().locator('a').innerText();
    await traces.rows.first().click();
    await traces.spans.waitFor();
    expect(await traces.page.getByRole('heading', { level: 2 }).innerText()).toBe(title);
    expect(await traces.spans.getByRole('row').count()).toBeGreaterThan(20);
    expect(await traces.spans.locator('.critical').count()).toBeGreaterThan(5);
    const address = traces.page.url();
    expect(address).toMatch(/\?trace=[0-9a-f]{32}$/u);
    await traces.page.reload();
    await traces.spans.waitFor();
    expect(await traces.page.getByRole('heading', { level: 2 }).innerText()).toBe(title);
  });

  it('is used by keys: rows, folding, details, search', async () => {
    const { page, spans } = traces;
    const current = (): Promise<string | null> => spans.getAttribute('aria-activedescendant');
    const count = async (): Promise<number> => Number(await spans.getAttribute('aria-rowcount'));
    await spans.focus();
    await page.keyboard.press('Home');
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowUp']) await page.keyboard.press(key);
    expect(await current()).toBe('span-1');
    const all = await count();
    await page.keyboard.press('ArrowLeft');
    expect(await count()).toBe(2);
    expect(await page.locator('#span-1').getAttribute('aria-expanded')).toBe('false');
    await page.keyboard.press('ArrowRight');
    expect(await count()).toBe(all);
    await page.keyboard.press('Enter');
    await traces.details.getByText('http.method').waitFor();
    expect(page.url()).toMatch(/&span=[0-9a-f]{16}$/u);
    await page.keyboard.press('Escape');
    expect(await traces.details.count()).toBe(0);
    await page.keyboard.press('/');
    await page.keyboard.type('redis timeout');
    await page.getByText(/^\d+ spans? found$/u).waitFor();
    await page.keyboard.press('Enter');
    await page.locator('.row.current.match').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Service graph' }).click();
    expect(await page.getByRole('img').getAttribute('aria-label')).toMatch(/driver calls redis \d+ times/u);
    await page.goBack();
    await expect.poll(() => traces.rows.count()).toBeGreaterThan(0);
  });

  it('proposes attributes and their values, as the store has them', async () => {
    const { page } = traces;
    await traces.editor.click();
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.type('{ resource.service.n');
    const options = page.getByRole('option');
    await options.filter({ hasText: 'resource.service.name' }).waitFor();
    await page.waitForTimeout(200);
    await page.keyboard.press('Enter');
    await page.keyboard.type(' = "dr');
    await options.filter({ hasText: '"driver"' }).waitFor();
    // For a moment the editor takes no key for the proposals: it may have been meant for what was there before.
    await page.waitForTimeout(200);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await expect
      .poll(() => new URL(page.url()).searchParams.get('q'))
      .toBe('{ resource.service.name = "driver"}');
    await expect.poll(() => traces.rows.count()).toBeGreaterThan(0);
  });

  it('shows a mistake in a query at its place', async () => {
    await traces.ask('{ span.http.method = } && { status = error }');
    const alert = traces.page.getByRole('alert');
    await alert.waitFor();
    expect(await alert.innerText()).toMatch(/unexpected/u);
    expect(await traces.page.locator('.cm-mistake').innerText()).toMatch(/[=}]/u);
    expect(await traces.editor.getAttribute('aria-invalid')).toBe('true');
    expect(await traces.rows.count()).toBe(0);
    await traces.choose('With errors');
    await expect.poll(() => traces.rows.count()).toBeGreaterThan(0);
    expect(await alert.count()).toBe(0);
  });

  it('shows a new ride by itself', async () => {
    await traces.ask('{ resource.service.name = "tracewright" }');
    await expect.poll(() => traces.rows.count()).toBeGreaterThanOrEqual(2);
    const before = await traces.rows.count();
    const whole = rideBeside(567);
    await traces.rows.filter({ hasText: 'Amazing Coffee' }).waitFor();
    await whole;
    await expect.poll(() => traces.rows.count()).toBe(before + 1);
  });

  it('takes a ride for a customer, and opens its trace when all of it is there', async () => {
    await traces.ride('Japanese Desserts');
    await traces.page.getByRole('heading', { level: 2, name: 'Japanese Desserts' }).waitFor();
    expect(Number(await traces.spans.getAttribute('aria-rowcount'))).toBeGreaterThan(35);
    expect(await traces.page.getByText('(parent missing)').count()).toBe(0);
  });

  it('says that the store is gone, keeps what it had, and goes on when it is back', async () => {
    await traces.tab('Traces');
    await expect.poll(() => traces.rows.count()).toBeGreaterThan(0);
    await tempo.stop();
    const alert = traces.page.getByRole('alert');
    await alert.filter({ hasText: 'does not answer' }).waitFor();
    expect(await traces.rows.count()).toBeGreaterThan(0);
    await useStore();
    await rideBeside(123);
    await alert.waitFor({ state: 'detached' });
    await traces.rows.filter({ hasText: 'Rachel' }).waitFor();
  });

  it('draws the proof as it goes, and why a hop is broken', async () => {
    await traces.tab('Proof');
    status = { ...noStatus, hops: hopsOf({ ride: 'passed', 'collector-log': 'running' }) };
    await traces.page.locator('.hop.running').filter({ hasText: 'Collector' }).waitFor();
    status = {
      ...noStatus,
      hops: hopsOf({ ride: 'passed', 'collector-log': 'passed', 'tempo-by-id': 'failed' }),
    };
    await traces.page.getByRole('alert').filter({ hasText: 'Mend tempo-by-id' }).waitFor();
    expect(await traces.page.locator('.hop.passed').count()).toBe(2);
    status = noStatus;
  });

  it.each(schemes)('has no finding of axe in any view, in %s', async (colorScheme) => {
    const { page } = traces;
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const width of [1_440, 400]) {
      await page.setViewportSize({ width, height: 900 });
      await traces.open(served.url);
      await expect.poll(() => traces.rows.count()).toBeGreaterThan(0);
      expect(await traces.findings(), 'the search').toEqual([]);
      await traces.ask('{ .a = }');
      await page.getByRole('alert').waitFor();
      expect(await traces.findings(), 'a mistake').toEqual([]);
      status = { ...noStatus, hops: hopsOf({ ride: 'passed', 'tempo-by-id': 'failed', grafana: 'skipped' }) };
      await traces.tab('Proof');
      await page.locator('.hop.failed').waitFor();
      expect(await traces.findings(), 'the proof').toEqual([]);
      await page.goto(served.url);
      await traces.rows.first().click();
      await traces.spans.focus();
      await page.keyboard.press('Enter');
      await traces.details.waitFor();
      await page.getByRole('button', { name: 'Service graph' }).click();
      expect(await traces.findings(), 'a trace').toEqual([]);
    }
    await page.setViewportSize({ width: 1_440, height: 900 });
  });

  it('asks nobody but itself, and its policy has nothing to refuse', () => {
    expect(traces.requests.filter((url) => !url.startsWith(served.url) && !url.includes('/launch/'))).toEqual(
      [],
    );
    expect(traces.complaints).toEqual([]);
  });

  it('gives nothing to a page of another origin that knows its address', async () => {
    const other = await startOther('<!doctype html><title>other</title><iframe></iframe>');
    const page = await browser.newPage();
    await page.goto(other.url);
    const got = await page.evaluate(async (url: string) => {
      const tried = async (init: object): Promise<string> =>
        fetch(`${url}api/facts`, init).then(
          async (answer) => answer.text(),
          () => 'nothing',
        );
      return [await tried({}), await tried({ mode: 'no-cors' }), await tried({ credentials: 'include' })];
    }, served.url);
    expect(got).toEqual(['nothing', 'nothing', 'nothing']);
    await page.evaluate(`document.querySelector('iframe').src = ${JSON.stringify(served.url)}`);
    await page.waitForTimeout(500);
    const framed = page.frames().find((frame) => frame.url().startsWith(served.url));
    expect(await framed?.evaluate('document.title').catch(() => 'nothing')).not.toBe('Traces');
    await page.close();
    other.server.close();
  });

  it('scrolls through 10,000 spans with few rows in the document', async () => {
    const store = await startOther(JSON.stringify(largeTrace(10_000)));
    kube.services.set('tempo.tracing:3100', { port: Number(new URL(store.url).port) });
    await traces.page.goto(`${served.url}?trace=${'a'.repeat(32)}`);
    await traces.spans.waitFor();
    expect(await traces.spans.getAttribute('aria-rowcount')).toBe('10000');
    await traces.spans.focus();
    await traces.page.keyboard.press('End');
    await traces.page.locator('#span-9999').waitFor();
    expect(await traces.spans.getByRole('row').count()).toBeLessThan(100);
    kube.services.set('tempo.tracing:3100', { port: tempo.httpPort });
    store.server.close();
  });

  it('is the same waterfall in a file that needs no server', async () => {
    const file = join(await testFolder(), 'ride.html');
    await writeFile(file, await renderTracePage(rideTrace(), 'Tracewright test'));
    const page = await browser.newPage({ offline: true });
    const alone = new TracesPage(page);
    await page.goto(`file://${file}`);
    await alone.spans.waitFor();
    expect(Number(await alone.spans.getAttribute('aria-rowcount'))).toBe(rideTrace().spans.length);
    await alone.spans.focus();
    await page.keyboard.press('Enter');
    await alone.details.waitFor();
    expect(alone.requests).toEqual([`file://${file}`]);
    expect(alone.complaints).toEqual([]);
    expect(await alone.findings()).toEqual([]);
    expect((await readFile(file)).length).toBeLessThan(200_000);
    await page.close();
  });
});

/** `704 ms` or `1.20 s`, in milliseconds. */
function msOf(text: string): number {
  return Number.parseFloat(text) * (text.endsWith(' s') ? 1_000 : 1);
}

/** Answers all with the same. */
async function startOther(body: string): Promise<{ url: string; server: Server }> {
  const type = body.startsWith('{') ? 'application/json' : 'text/html';
  const server = createServer((_, response) => response.setHeader('content-type', type).end(body));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${String((server.address() as { port: number }).port)}/`, server };
}
