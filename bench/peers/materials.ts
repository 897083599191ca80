import { chmod, copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Stack } from '../../src/domain/stack.js';

export interface Materials {
  readonly stack: Stack;
  /** The folder of the build that has one chart's folder a name. */
  readonly charts: string;
  /** Paths of `helm`, `kubectl` and `helmfile`, which must be found on PATH. */
  readonly programs: Readonly<Record<string, string>>;
}

/** What a contender is run with, by its name in bench/peers. */
const scripts = ['helmfile.yaml', 'parallel.sh', 'tutorial.sh'];

/**
 * Lays out a folder with the same charts, values and manifests for every contender that is not Tracewright: `charts/`,
 * `values/<component>.yaml`, `manifests/<component>.yaml`, the same manifests as charts in `wrapped/` (helmfile knows
 * releases only), the scripts, and the programs in `bin/`.
 */
export async function layOut(folder: string, { stack, charts, programs }: Materials): Promise<void> {
  const inFolder = (...names: string[]): string => join(folder, ...names);
  for (const name of ['values', 'manifests', 'bin', 'home']) await mkdir(inFolder(name), { recursive: true });
  await symlink(charts, inFolder('charts'));
  for (const [name, path] of Object.entries(programs)) await symlink(path, inFolder('bin', name));
  for (const name of scripts) {
    await copyFile(join(import.meta.dirname, name), inFolder(name));
    await chmod(inFolder(name), 0o755);
  }
  for (const [name, component] of Object.entries(stack.components)) {
    if (component.release)
      await writeFile(inFolder('values', `${name}.yaml`), stringify(component.release.values));
    if (component.manifests) {
      const text = component.manifests.objects.map((object) => stringify(object)).join('---\n');
      await writeFile(inFolder('manifests', `${name}.yaml`), text);
      await mkdir(inFolder('wrapped', name, 'templates'), { recursive: true });
      await writeFile(inFolder('wrapped', name, 'templates', 'objects.yaml'), text);
      const about = { apiVersion: 'v2', name, version: '0.1.0', description: component.title };
      await writeFile(inFolder('wrapped', name, 'Chart.yaml'), stringify(about));
    }
  }
}
