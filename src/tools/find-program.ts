import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { coerce, gte } from 'semver';
import type { OnProgress } from './download-progress.js';

/** The absolute path of the first executable `name` on `path` (the value of PATH); `undefined` when there is none. */
export async function findProgram(name: string, path: string | undefined): Promise<string | undefined> {
  for (const folder of (path ?? '').split(delimiter)) {
    if (!isAbsolute(folder)) continue;
    const candidate = join(folder, name);
    const usable = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return candidate;
  }
  return undefined;
}

/** Whether a version such as `1.9.1` or `v3.13.0-rc.1` is not older; the part after a hyphen does not count. */
export function isAtLeast(version: string, minimum: string): boolean {
  return gte(coerce(version) ?? '0.0.0', coerce(minimum) ?? '0.0.0');
}

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

/** Where programs are looked for, kept and downloaded from. */
export interface ToolSource {
  readonly cacheDir: string;
  /** PATH, and the settings of the package clients. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Before something that takes time, and while it does. */
  readonly onProgress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How a tool stands, without anything done about it. */
export interface ToolLook {
  /** Usable as it is: on PATH and new enough, or downloaded before. */
  readonly found?: ProvidedTool;
  /** On PATH, but too old. */
  readonly outdated?: ProvidedTool;
  /** The version that would be downloaded; absent where there is none for this platform. */
  readonly download?: string;
}

export interface ProvidedTool {
  /** Absolute. */
  readonly path: string;
  /** Without a leading "v". */
  readonly version: string;
  readonly source: 'path' | 'download';
}
