import { chromium, type Browser } from 'playwright-core';
import { findProgram } from '../../src/tools/find-program.js';

/** Of Debian and Ubuntu, and as others call it. */
const names = ['chromium', 'chromium-browser', 'google-chrome'];

/** The browser of this machine; undefined where there is none. */
export async function findChromium(): Promise<string | undefined> {
  for (const name of names) {
    const path = await findProgram(name, process.env['PATH']);
    if (path !== undefined) return path;
  }
  return undefined;
}

/** Starts it without a window. It speaks to nobody but the pages that it is told to open. */
export async function startChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      // Chromium's own sandbox does not work for root, as which the embedded cluster runs.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
