import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Page } from 'playwright-core';
import { findChromium, startChromium } from '../test/support/chromium.js';
import { largeTrace, serve } from '../test/page/support.js';
import { LoopbackKube } from '../test/proof/support/loopback-kube.js';
import { printTable, type Row } from './table.js';

/**
 * `npm run bench:page`: the page of traces in a real browser; nothing asserts on it. First paint on loopback, the first of
 * a browser and the median of nine; then a trace of 10,000 spans: until it is drawn, and the time between two frames
 * while the wheel scrolls through it and while the keys walk down.
 */
const executable = await findChromium();
if (executable === undefined) throw new Error('Install Chromium: apt-get install chromium.');
const body = JSON.stringify(largeTrace(10_000));
const store = createServer(({ url = '' }, response) => {
  const answer = url.startsWith('/api/search') ? '{"traces":[]}' : body;
  response.setHeader('content-type', 'application/json').end(answer);
}).listen(0, '127.0.0.1');
await once(store, 'listening');
const kube = new LoopbackKube();
kube.services.set('tempo.tracing:3100', { port: (store.address() as { port: number }).port });
const served = await serve(kube);
const browser = await startChromium(executable);
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const paints: number[] = [];
  for (let run = 0; run < 10; run += 1) {
    await page.goto(served.url);
    await page.locator('.cm-content').waitFor();
    paints.push(
      await page.evaluate<number>(`performance.getEntriesByName('first-contentful-paint')[0].startTime`),
    );
  }
  const began = performance.now();
  await page.goto(`${served.url}?trace=${'a'.repeat(32)}`);
  await page.locator('#span-1').waitFor();
  const drawn = performance.now() - began;
  await page.locator('.rows').hover();
  const wheel = await frames(page, async () => {
    for (let turn = 0; turn < 60; turn += 1) await page.mouse.wheel(0, 1_200);
  });
  await page.locator('.rows').focus();
  const keys = await frames(page, async () => {
    for (let step = 0; step < 120; step += 1) await page.keyboard.press('ArrowDown');
  });
  const [first = NaN, ...later] = paints;
  const rows: Row[] = [
    ['first contentful paint, of a new browser', ms(first), '300 ms'],
    ['first contentful paint, median of nine', ms(quantile(later, 0.5)), '300 ms'],
    ['10,000 spans: from the address to the waterfall', ms(drawn), ''],
    ['wheel: frame, median', ms(quantile(wheel, 0.5)), '17 ms'],
    ['wheel: frame, 95th percentile', ms(quantile(wheel, 0.95)), '33 ms'],
    ['keys: frame, median', ms(quantile(keys, 0.5)), '17 ms'],
    ['keys: frame, 95th percentile', ms(quantile(keys, 0.95)), '33 ms'],
  ];
  printTable(rows);
} finally {
  await browser.close();
  await served.close();
  store.closeAllConnections();
  store.close();
}

/** Milliseconds between two frames while something goes on. */
async function frames(page: Page, work: () => Promise<void>): Promise<number[]> {
  await page.evaluate(`
    window.frameTimes = [];
    window.lastFrame = performance.now();
    const onFrame = (now) => {
      frameTimes.push(now - lastFrame);
      lastFrame = now;
      window.frameLoop = requestAnimationFrame(onFrame);
    };
    window.frameLoop = requestAnimationFrame(onFrame);`);
  await work();
  return page.evaluate<number[]>(`(cancelAnimationFrame(frameLoop), frameTimes.slice(1))`);
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}

function ms(value: number): string {
  return `${value.toFixed(0)} ms`;
}
