import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TracewrightError, type Failure } from '../../domain/failure.js';
import type { ImageRewriting } from '../../domain/stack.js';

const name = 'tracewright-images';

/** Of this package, compiled: <package>/dist, seen from <package>/{src,dist}/tools/helm. */
const program = fileURLToPath(new URL('../../../dist/tools/helm/post-render.js', import.meta.url));

export interface PostRenderer {
  /** With which helm uses it. */
  readonly args: readonly string[];
  /** What it refused when helm has ended badly: helm itself does not say. */
  failure(): Promise<TracewrightError | undefined>;
}

/**
 * Puts our post-renderer, a plugin since Helm 4, into the home folder of a helm of ours.
 * @param home as in `homeOf`
 * @param version of helm, such as `v4.1.4`
 * @throws TracewrightError `tool.missing` for Helm 3, which would pass by the hooks of a chart
 */
export async function installPostRenderer(
  home: string,
  version: string,
  rules: ImageRewriting,
): Promise<PostRenderer> {
  if (isHelm3(version)) throw tooOld(version);
  const folder = join(home, 'data', 'plugins', name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const rulesFile = join(folder, 'rules.json');
  await writeFile(rulesFile, JSON.stringify(rules), { mode: 0o600 });
  const plugin = {
    apiVersion: 'v1',
    type: 'postrenderer/v1',
    name,
    version: '1.0.0',
    runtime: 'subprocess',
    config: {},
    runtimeConfig: { platformCommand: [{ command: process.execPath, args: [program] }] },
  };
  await writeFile(join(folder, 'plugin.yaml'), JSON.stringify(plugin));
  const failureFile = join(folder, 'failure.json');
  await rm(failureFile, { force: true });
  return {
    args: [
      '--post-renderer',
      name,
      ...[rulesFile, failureFile].flatMap((it) => ['--post-renderer-args', it]),
    ],
    failure: async () => {
      const text = await readFile(failureFile, 'utf8').catch(() => undefined);
      return text === undefined ? undefined : new TracewrightError(JSON.parse(text) as Failure);
    },
  };
}

/** @param version such as `v4.1.4` */
export function isHelm3(version: string): boolean {
  return /^v?3\./u.test(version);
}

function tooOld(version: string): TracewrightError {
  return new TracewrightError({
    type: 'tool.missing',
    message: `Helm ${version} cannot rewrite the images of a chart's hooks, which a lock file or --images-from asks for.`,
    remedy: 'Install Helm 4, or do without the lock file and --images-from.',
  });
}
