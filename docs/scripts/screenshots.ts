import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { execa } from 'execa';
import { loadConfig } from '../../src/config.js';
import { queryProgress } from '../../src/cli/environments.js';
import type { Progress } from '../../src/domain/progress.js';
import { observeServer } from '../../src/temporal/server.js';
import { connectKubernetes } from '../../src/tools/kubernetes/connection.js';
import { findChromium, startChromium } from '../../test/support/chromium.js';
import { WebUi, type WebUiTab } from '../../test/support/web-ui.js';
import { shootTraces } from './traces-screenshots.js';

/**
 * `npm run docs:screenshots`: a real install of the embedded stack in the Temporal Web UI, while it runs, when it is
 * ready, and blocked by a mistake that people make, and in our page of traces. Then everything is taken away again. Needs Chromium and what the
 * embedded target needs.
 */
const images = fileURLToPath(new URL('../images', import.meta.url));
const program = fileURLToPath(new URL('../../bin/tracewright.js', import.meta.url));
const embedded = fileURLToPath(new URL('../../stacks/embedded.yaml', import.meta.url));

const stateDir = await mkdtemp(join(tmpdir(), 'tracewright-'));
const config = { ...loadConfig(), stateDir };
const env = { TRACEWRIGHT_STATE_DIR: stateDir };
const executable = await findChromium();
if (executable === undefined) throw new Error('Install Chromium: apt-get install chromium.');
const browser = await startChromium(executable);
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });

try {
  await mkdir(images, { recursive: true });
  const installed = tracewright('up', '--stack', 'embedded');
  await untilInstalling();
  await shoot('running', 'User Metadata');
  await shoot('attempts', 'Pending Activities');
  await expectExit(0, installed);
  await shoot('ready', 'User Metadata');
  await shoot('timeline', 'Timeline');
  await shootPageOfTraces();
  await expectExit(3, tracewright('up', '--stack', await brokenStack(), '--name', 'embedded'));
  await shoot('blocked', 'User Metadata');
  await shootList();
} finally {
  await browser.close();
  await tracewright('down');
  await rm(stateDir, { recursive: true, force: true });
}

async function shootPageOfTraces(): Promise<void> {
  const served = execa(process.execPath, [program, 'open', 'traces', '--no-browser'], { env, reject: false });
  const url = await new Promise<string>((resolve) => {
    served.stdout.on('data', (chunk: Buffer) => {
      const [found] = /http:\S+/u.exec(chunk.toString()) ?? [];
      if (found !== undefined) resolve(found);
    });
  });
  const { stdout } = await execa(process.execPath, [program, 'status', '--json'], { env });
  const { cluster } = JSON.parse(stdout) as Progress;
  const kube = connectKubernetes({ kubeconfigPath: cluster?.kubeconfigPath ?? '' });
  await shootTraces(browser, url, images, kube);
  kube.close();
  served.kill('SIGINT');
  await served;
}

/** HotROD sends its spans to a port at which nobody listens: two digits are swapped. */
async function brokenStack(): Promise<string> {
  const file = join(stateDir, 'embedded.yaml');
  const text = await readFile(embedded, 'utf8');
  await writeFile(file, text.replace(':14268/api/traces', ':14286/api/traces'));
  return file;
}

function tracewright(...args: readonly string[]) {
  return execa(process.execPath, [program, ...args], {
    env,
    reject: false,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

async function expectExit(code: number, run: ReturnType<typeof tracewright>): Promise<void> {
  const { exitCode } = await run;
  if (exitCode !== code)
    throw new Error(`It ended with ${String(exitCode)}, and should have with ${String(code)}.`);
}

/** Waits until the steps behind the cluster run. Asks the server itself: a command takes longer than some of them. */
async function untilInstalling(): Promise<void> {
  for (;;) {
    await sleep(250);
    const server = await observeServer(config);
    if (server?.state !== 'serving') continue;
    const connection = await Connection.connect({ address: server.address });
    const progress = await queryProgress(new Client({ connection }), 'embedded').catch(() => undefined);
    await connection.close();
    if (progress?.phase === 'Ready') throw new Error('It was ready before anybody looked.');
    const states = progress?.steps.map(({ state }) => state) ?? [];
    if (states.includes('done') && states.includes('running')) return;
  }
}

async function webUi(): Promise<WebUi> {
  const server = await observeServer(config);
  if (!server) throw new Error('The Temporal server does not run.');
  return new WebUi(page, server.uiUrl);
}

async function shoot(name: string, tab: WebUiTab): Promise<void> {
  const ui = await webUi();
  await ui.openTab('embedded', tab);
  if (tab === 'User Metadata') await ui.userMetadata();
  await save(name);
}

async function shootList(): Promise<void> {
  const ui = await webUi();
  await ui.openList();
  await ui.chooseColumns();
  await save('list', 420);
}

/** @param height in pixels; by default all that there is to see, at most 1700 */
async function save(name: string, height?: number): Promise<void> {
  // Frames take their height, and tables their rows, a moment after they are there.
  await sleep(1_500);
  const needed = await page.evaluate<number>(
    `Math.max(...[...document.querySelectorAll('main, main *')].filter((it) => it.offsetParent).map((it) => it.getBoundingClientRect().bottom))`,
  );
  const shown = height ?? Math.min(1_700, Math.max(700, Math.ceil(needed) + 24));
  await page.setViewportSize({ width: 1440, height: shown });
  await sleep(1_000);
  const path = join(images, `web-ui-${name}.png`);
  // Without the column of Temporal's own pages, and without the host's name in the identity of a worker.
  const clip = { x: 256, y: 48, width: 1440 - 256, height: shown - 48 };
  await page.screenshot({ path, clip, mask: [page.getByText(/^\d+@/u)], maskColor: '#dddddd' });
  console.log(path);
  await page.setViewportSize({ width: 1440, height: 900 });
}
