import {
  chmod,
  copyFile,
  cp,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { applyPatch, parsePatch } from 'diff';
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

/** In the folder of a patch: a unified diff of files of the module. */
const diffFile = 'changes.patch';

/**
 * Makes a copy of a module with our changes: Go forbids laying files over its module cache. Files that do not change
 * are links, so that the 8,000 of Kubernetes take no second.
 * @param moduleDir where Go keeps the module
 * @param patchDir files that take the place of the module's, and `changes.patch`
 * @param target on the disk of `moduleDir`; it is there whole or not at all
 */
export async function patchModule(moduleDir: string, patchDir: string, target: string): Promise<void> {
  const unfinished = `${target}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await linkFiles(moduleDir, unfinished);
  for (const name of await readdir(patchDir)) {
    if (name === diffFile) await applyDiff(await readFile(join(patchDir, name), 'utf8'), unfinished);
    // Removed first: written through its link, the file in Go's cache would change.
    else await cp(join(patchDir, name), join(unfinished, name), { recursive: true, force: true });
  }
  await rename(unfinished, target);
}

async function linkFiles(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, place] = [join(from, entry.name), join(to, entry.name)];
    // What Go's tests read is no part of a program.
    if (entry.isDirectory()) {
      if (entry.name !== 'testdata') await linkFiles(source, place);
    } else await link(source, place);
  }
}

async function applyDiff(text: string, folder: string): Promise<void> {
  for (const change of parsePatch(text)) {
    const path = join(folder, (change.newFileName ?? '').replace(/^b\//u, ''));
    const changed = applyPatch(await readFile(path, 'utf8'), change);
    if (changed === false)
      throw new Error(`${diffFile} does not fit ${path}: the module is of another version.`);
    await rm(path);
    await writeFile(path, changed);
  }
}
