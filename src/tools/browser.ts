import { spawn } from 'node:child_process';
import { findProgram } from './find-program.js';

interface Opener {
  readonly program: string;
  readonly args: readonly string[];
}

/**
 * What opens a page here. `undefined` where nobody would see it: on a Linux without a display.
 * @param environment of this process
 */
export async function findBrowser(
  url: string,
  environment: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
): Promise<Opener | undefined> {
  if (platform === 'darwin') return { program: '/usr/bin/open', args: [url] };
  if (platform === 'win32') return { program: 'rundll32', args: ['url.dll,FileProtocolHandler', url] };
  const { DISPLAY, WAYLAND_DISPLAY, WSL_DISTRO_NAME, PATH } = environment;
  const seen = [DISPLAY, WAYLAND_DISPLAY, WSL_DISTRO_NAME].some((it) => it !== undefined && it !== '');
  if (!seen) return undefined;
  for (const name of ['xdg-open', 'wslview']) {
    const program = await findProgram(name, PATH);
    if (program !== undefined) return { program, args: [url] };
  }
  return undefined;
}

/** Opens it and looks back no more: some openers stay as long as the browser, which outlives this process. */
export function openBrowser({ program, args }: Opener): void {
  const child = spawn(program, args, { detached: true, stdio: 'ignore' });
  // The address stands on the screen as well.
  child.once('error', () => undefined);
  child.unref();
}
