import { until } from '../../proof/support/stack-breaker.js';
import { findChromium, startChromium } from '../../support/chromium.js';
import type { DockerEngine } from '../../support/docker/engine.js';
import { WebUi } from '../../support/web-ui.js';

/** Where the compose file publishes it, in the box. */
const port = 8080;

/**
 * Opens the Web UI of the compose file in a real browser, which must list an environment as ready and tell by what it was
 * proved. @throws when it does not, or when this machine has no browser
 */
export async function seeReadyInWebUi(engine: DockerEngine, environment: string): Promise<void> {
  const executable = await findChromium();
  if (executable === undefined) throw new Error('There is no Chromium on this machine.');
  const browser = await startChromium(executable);
  try {
    const url = `http://127.0.0.1:${String(await engine.reach(port))}`;
    const ui = new WebUi(await browser.newPage(), url);
    await ui.openList();
    await ui.chooseColumns();
    const row = ui.page.getByRole('row').filter({ hasText: `environment-${environment}` });
    await until('the list shows it as ready', async () => /kubeconfig\s+Ready/u.test(await row.innerText()));
    await ui.openTab(environment, 'User Metadata');
    await until('its page tells of the proof', async () =>
      (await ui.userMetadata()).includes('Proved by the trace'),
    );
  } finally {
    await browser.close();
  }
}
