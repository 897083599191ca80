import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findBrowser, openBrowser } from '../../src/tools/find-program.js';
import { readFile } from 'node:fs/promises';
import { testFolder } from '../support/folder.js';

const url = 'http://127.0.0.1:3000/explore?a=1&b=2';

test('nothing is opened where nobody sees it, or nothing can', async () => {
  const folder = await testFolder();
  expect(await findBrowser(url, { PATH: process.env['PATH'] }, 'linux')).toBeUndefined();
  expect(await findBrowser(url, { PATH: folder, DISPLAY: ':0' }, 'linux')).toBeUndefined();
});

test("the desktop's own program gets the address as one argument, and may go on alone", async () => {
  const folder = await testFolder();
  const opener = join(folder, 'xdg-open');
  await writeFile(opener, `#!/bin/sh\nprintf '%s' "$#$1" > '${folder}/opened'\n`);
  await chmod(opener, 0o755);
  const found = await findBrowser(url, { PATH: folder, WAYLAND_DISPLAY: 'wayland-0' }, 'linux');
  expect(found).toEqual({ program: opener, args: [url] });
  openBrowser(found ?? { program: '', args: [] });
  await expect
    .poll(() => readFile(join(folder, 'opened'), 'utf8').catch(() => ''), { timeout: 60_000 })
    .toBe(`1${url}`);
  openBrowser({ program: join(folder, 'gone'), args: [] });
});
