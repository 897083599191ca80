import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import type { Kubernetes } from '../../src/tools/kubernetes/connection.js';
import { sendLargeTrace } from '../../test/page/support.js';
import { TracesPage } from '../../test/support/traces-page.js';

/** What of the page of traces is pictured, once the environment is Ready. Each is taken in light, and some in dark. */
const schemes = ['light', 'dark'] as const;

/**
 * Takes rides and pictures the page as somebody finds it who follows the tutorial.
 * @param url that `open traces` has printed
 * @param images the folder
 * @param kube the cluster, to which a large trace is sent, and whose store is taken away for a moment
 */
export async function shootTraces(
  browser: Browser,
  url: string,
  images: string,
  kube: Kubernetes,
): Promise<void> {
  for (const colorScheme of schemes) {
    const page = await browser.newPage({
      viewport: { width: 1280, height: 800 },
      colorScheme,
      reducedMotion: 'reduce',
      timezoneId: 'UTC',
    });
    const traces = new TracesPage(page);
    const save = async (name: string): Promise<void> => {
      await sleep(700);
      const path = join(images, `traces-${name}${colorScheme === 'dark' ? '-dark' : ''}.png`);
      await page.screenshot({ path });
      console.log(path);
    };
    await traces.open(url);
    for (const customer of ['Trom Chocolatier', 'Japanese Desserts', 'Amazing Coffee Roasters']) {
      if (colorScheme === 'dark') break;
      await traces.ride(customer);
      await page.getByRole('heading', { level: 2, name: customer }).waitFor();
      await traces.tab('Traces');
    }
    await page.goto(`${url}?last=5`);
    await traces.rows.first().waitFor();
    if (colorScheme === 'light') await save('search');
    await traces.rows.first().click();
    await traces.spans.focus();
    await page.keyboard.press('Home');
    for (let step = 0; step < 5; step += 1) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await traces.details.waitFor();
    await save('trace');
    if (colorScheme === 'light') {
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Service graph' }).click();
      await save('graph');
      await page.goto(url);
      await traces.open(url);
      await traces.ask('{ span.http.method = } && { status = error }');
      await page.getByRole('alert').waitFor();
      await save('mistake');
      await traces.choose('The tutorial’s');
      await scaleStore(kube, 0);
      await page.getByRole('alert').waitFor();
      await save('gone');
      await scaleStore(kube, 1);
      await page.getByRole('alert').waitFor({ state: 'detached', timeout: 120_000 });
      await sendLargeTrace(kube);
      await page.goto(`${url}?trace=${'a'.repeat(32)}`);
      await traces.spans.focus();
      await page.keyboard.press('End');
      await page.locator('#span-9999').waitFor();
      await save('large');
      await page.setViewportSize({ width: 400, height: 800 });
      await page.goto(url);
      await traces.ride('Trom Chocolatier');
      await traces.spans.waitFor();
      await save('narrow');
      await page.setViewportSize({ width: 1280, height: 800 });
    }
    await page.goto(`${url}?view=proof`);
    await page.locator('.hop.passed').first().waitFor();
    if (colorScheme === 'dark') await save('proof');
    await page.close();
  }
}

/** What the store held is gone with its pod, as in a real loss. */
async function scaleStore(kube: Kubernetes, replicas: number): Promise<void> {
  await kube.json({
    method: 'PATCH',
    path: '/apis/apps/v1/namespaces/tracing/statefulsets/trace-store/scale',
    headers: { 'content-type': 'application/merge-patch+json' },
    body: JSON.stringify({ spec: { replicas } }),
  });
}
