import { readdir, readFile } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { init, type ModuleInfos } from 'license-checker-rseidelsohn';
import { z } from 'zod';
import type { Component } from './policy.js';

const classifier = fileURLToPath(new URL('classify', import.meta.url));

/** Of the files that a build keeps, those whose text decides. The others are notices, and licences of documentation. */
const deciding = /^(?:(?:un)?licen[cs]e|copying)(?!s)(?!.*\.docs$)/iu;

/** So much of a text must be of licences that are known, in per cent of its words. */
const enough = 75;

const answer = z.object({ path: z.string(), percent: z.number(), licences: z.array(z.string()) });

/**
 * The Go modules that the programs of a build link, from the licence texts that the build has kept.
 * @param folder `<build>/licences`: `<graph>/<module>@<version>/…`
 */
export async function goComponents(folder: string): Promise<Component[]> {
  const modules = new Map<string, { licences: Set<string>; unexplained: Set<string> }>();
  const files: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && deciding.test(entry.name)) files.push(path);
    const module = moduleOf(folder, path);
    if (module !== undefined && !modules.has(module))
      modules.set(module, { licences: new Set(), unexplained: new Set() });
  }
  for (const { path, percent, licences } of await classify(files)) {
    const found = modules.get(moduleOf(folder, path) ?? '');
    if (percent < enough || licences.length === 0) found?.unexplained.add(basename(path));
    for (const licence of licences) found?.licences.add(licence);
  }
  return sorted(
    [...modules].map(([module, { licences, unexplained }]) => {
      const at = module.lastIndexOf('@');
      return {
        name: module.slice(0, at),
        version: module.slice(at + 1),
        licences: [...licences].sort(),
        unexplained: [...unexplained].sort(),
      };
    }),
  );
}

/** `example.org/module@v1.0.0` of `<folder>/<graph>/example.org/module@v1.0.0/LICENSE`. */
function moduleOf(folder: string, path: string): string | undefined {
  const [, ...parts] = relative(folder, path).split(sep);
  const end = parts.findIndex((part) => part.includes('@'));
  return end < 0 ? undefined : parts.slice(0, end + 1).join('/');
}

async function classify(files: readonly string[]): Promise<z.infer<typeof answer>[]> {
  const { stdout } = await execa('go', ['run', '.'], { cwd: classifier, input: files.join('\n') });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => answer.parse(JSON.parse(line)));
}

/** What `page/build.js` writes. */
const bundledPackages = z.array(z.object({ name: z.string(), version: z.string(), license: z.string() }));

/**
 * The npm packages that `npm ci --omit=dev` installs for the package in `folder`, of all platforms, and those whose code
 * is in the page that it is built with.
 */
export async function npmComponents(folder: string): Promise<Component[]> {
  const found = await new Promise<ModuleInfos>((resolve, reject) => {
    // Its types say Error; when all is well, it is null.
    init({ start: folder, production: true, excludePrivatePackages: true }, (error: Error | null, infos) => {
      if (error) reject(error);
      else resolve(infos);
    });
  });
  const platformBuilds = await platformPackages(folder);
  const bundled = bundledPackages
    .parse(JSON.parse(await readFile(join(folder, 'dist/page/bundled.json'), 'utf8')))
    .map(({ name, version, license }) => ({ name, version, licences: [license], unexplained: [] }));
  return sorted([
    ...bundled,
    ...Object.entries(found)
      .map(([key, { licenses }]) => {
        const at = key.lastIndexOf('@');
        const [name, version] = [key.slice(0, at), key.slice(at + 1)];
        const all = [licenses ?? []].flat().flatMap((text) => text.replace(/[()*]/gu, '').split(' AND '));
        return { name, version, licences: all.filter((text) => text !== 'UNKNOWN').sort(), unexplained: [] };
      })
      .filter(({ name }) => !platformBuilds.has(name)),
  ]);
}

/** Packages that are one program for one platform each: which of them is installed depends on the machine. */
async function platformPackages(folder: string): Promise<Set<string>> {
  const lock = z
    .object({ packages: z.record(z.string(), z.object({ os: z.array(z.string()).optional() })) })
    .parse(JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8')));
  const paths = Object.entries(lock.packages).filter(([, { os }]) => os !== undefined);
  return new Set(paths.map(([path]) => path.replace(/^.*node_modules\//u, '')));
}

function sorted(components: Component[]): Component[] {
  const key = ({ name, version }: Component): string => `${name} ${version}`;
  return components.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
