import { chmod, copyFile, cp, lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import type { ModuleChart } from './catalog.js';

/**
 * Adds to a chart what comes out of a module's own folder.
 * @param folder the chart's; made when it is not there
 * @param moduleDir where Go keeps the module's files
 */
export async function addModuleFiles(chart: ModuleChart, folder: string, moduleDir: string): Promise<void> {
  for (const [from, to] of Object.entries(chart.copy))
    await copyWritable(join(moduleDir, from), join(folder, to));
  if (chart.chartYaml) {
    const template = await readFile(join(moduleDir, chart.chartYaml.from), 'utf8');
    await put(join(folder, 'Chart.yaml'), fillChartYaml(template, chart.chartYaml.version));
  }
  if (chart.join) {
    const source = join(moduleDir, chart.join.from);
    const names = (await readdir(source)).filter((name) => name.endsWith('.yaml')).sort();
    const documents = await Promise.all(names.map((name) => readFile(join(source, name), 'utf8')));
    await put(join(folder, chart.join.to), joinTemplates(documents, chart.join.when));
  }
}

/** What cert-manager's release does with its Chart.template.yaml. */
export function fillChartYaml(template: string, version: string): string {
  return template
    .replace(/^version:.*$/mu, `version: ${version}`)
    .replace(/^appVersion:.*$/mu, `appVersion: ${version}`)
    .replaceAll('{{IS_PRERELEASE}}', 'false');
}

/** Several documents as one template that renders only when the value `when` is true. */
export function joinTemplates(documents: readonly string[], when: string): string {
  const body = documents.map((text) => text.replace(/^---\n/u, '').trimEnd()).join('\n---\n');
  return `{{- if ${when} }}\n${body}\n{{- end }}\n`;
}

async function put(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

/** Files in Go's module cache are read-only; copies of them must not be. */
async function copyWritable(from: string, to: string): Promise<void> {
  if (!(await lstat(from)).isDirectory()) {
    await put(to, '');
    await cp(from, to, { force: true });
    await chmod(to, 0o644);
    return;
  }
  for (const name of await readdir(from)) await copyWritable(join(from, name), join(to, name));
}

/** A package that a program of ours links, in the module that it comes from. */
export interface LinkedPackage {
  /** `<path>@<version>` */
  readonly module: string;
  readonly moduleDir: string;
  /** The folder of the package: the module's, or one below it. */
  readonly dir: string;
}

/** Names that licences go by, also in folders of code that was taken from elsewhere. */
const licenceFile = /^(?:(?:un)?licen[cs]es?|copying|notice|patents|copyright)\b/iu;

/**
 * Copies the licences of everything that is linked: a folder `<module>@<version>` each, empty where the module has none.
 * A package is under what stands in its own folder and in those above it, up to the module's.
 */
export async function copyLicences(linked: readonly LinkedPackage[], target: string): Promise<void> {
  const folders = new Map<string, LinkedPackage>();
  for (const { module, moduleDir, dir } of linked) {
    for (let at = dir; ; at = dirname(at)) {
      folders.set(at, { module, moduleDir, dir: at });
      if (at === moduleDir || at === dirname(at)) break;
    }
  }
  for (const { module, moduleDir, dir } of folders.values()) {
    const place = join(target, module, relative(moduleDir, dir));
    if (dir === moduleDir) await mkdir(place, { recursive: true });
    for (const entry of await readdir(dir, { withFileTypes: true })) {
      if (!entry.isFile() || !licenceFile.test(entry.name) || entry.name.endsWith('.go')) continue;
      const copy = join(place, basename(entry.name));
      await mkdir(place, { recursive: true });
      await copyFile(join(dir, entry.name), copy);
      await chmod(copy, 0o644);
    }
  }
}
