import { chmod, copyFile, link, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { z } from 'zod';
import { TracewrightError } from '../../domain/failure.js';
import type { EmbeddedPrograms } from './build/store.js';
import { readJson, type ClusterFolder } from './folder.js';
import { pullSettingsFile, type ImagePulls } from './pulls.js';
import type { HostPrograms } from './programs.js';

const sandboxImage = 'embedded.local/pause:1';
const dnsImage = 'registry.k8s.io/coredns/coredns:';

export interface NodeConfigOptions {
  readonly name: string;
  readonly folder: ClusterFolder;
  readonly build: EmbeddedPrograms;
  readonly programs: HostPrograms;
  readonly images: NodeImages;
}

/** What a running node cannot change of how it comes to its images. */
export type NodeImages = z.infer<typeof nodeImages>;

const nodeImages = z.object({
  /** Archives of the build, paths relative to it. */
  images: z.array(z.object({ tar: z.string(), refs: z.array(z.string()) })),
  /** The program that pulls what is not among them. */
  proxy: z.object({ binary: z.string(), settings: z.string(), folder: z.string() }).optional(),
});

/** The images that the node starts with, and how it pulls others. */
export function imagesOf({
  folder,
  build,
  pulls,
}: {
  readonly folder: ClusterFolder;
  readonly build: EmbeddedPrograms;
  readonly pulls: ImagePulls | undefined;
}): NodeImages {
  const images = archivesOf(build, pulls?.built ?? true);
  if (!pulls) return { images };
  const settings = pullSettingsFile(folder);
  return { images, proxy: { binary: programOf(build, 'image-proxy'), settings, folder: folder.images } };
}

/** What the node that was started last has. */
export async function readNodeImages(folder: ClusterFolder): Promise<NodeImages | undefined> {
  return await readJson(join(folder.path, 'node.json'), nodeImages);
}

/**
 * Puts the programs into the cluster's folder, where they stay whatever becomes of the cache folder, and writes what the
 * node program reads at its start, the Config of embedded/node/config.go.
 * @returns the path of the node program
 */
export async function writeNodeConfig({
  name,
  folder,
  build,
  programs,
  images,
}: NodeConfigOptions): Promise<string> {
  const config = {
    name,
    id: folder.id,
    buildHash: build.hash,
    buildFolder: build.dir,
    programs: Object.fromEntries(programs.paths),
    cniFolder: programs.cniFolder,
    sandboxImage: build.pulled?.sandbox ?? sandboxImage,
    ...images,
  };
  await mkdir(folder.path, { recursive: true, mode: 0o700 });
  await chmod(folder.path, 0o700);
  const path = join(folder.path, 'node.json');
  await writeFile(`${path}.new`, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
  await putPrograms(join(folder.path, 'bin'), build);
  return join(folder.path, 'bin', 'node');
}

/** The image proxy is the host's: the node never sees it. */
async function putPrograms(bin: string, build: EmbeddedPrograms): Promise<void> {
  programOf(build, 'node');
  await mkdir(bin, { recursive: true, mode: 0o700 });
  const copies = new Map<bigint, string>();
  for (const [name, source] of Object.entries(build.programs)) {
    if (name === 'image-proxy') continue;
    const target = join(bin, name);
    const { ino, dev } = await stat(source, { bigint: true });
    const there = await stat(target, { bigint: true }).catch(() => undefined);
    if (there?.ino === ino && there.dev === dev) continue;
    await rm(`${target}.new`, { force: true });
    await link(copies.get(ino) ?? source, `${target}.new`).catch(async (error: unknown) => {
      // Another file system, or one without links.
      if (!['EXDEV', 'EPERM', 'EMLINK'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      await copyFile(source, `${target}.new`);
      copies.set(ino, target);
    });
    await rename(`${target}.new`, target);
  }
}

/** The name of the build's image of cluster DNS. */
export function dnsImageOf(build: EmbeddedPrograms): string {
  return build.pulled?.dns ?? findImage(build, (ref) => ref.startsWith(dnsImage)).ref;
}

/**
 * Each archive once; first the two that the first pod waits for, then the others in the order of the build.
 * @param workloads whether the cluster gets more than it needs itself
 */
function archivesOf(build: EmbeddedPrograms, workloads: boolean): NodeImages['images'] {
  const first = build.pulled
    ? []
    : [findImage(build, (ref) => ref === sandboxImage), findImage(build, (ref) => ref.startsWith(dnsImage))];
  const archives = new Map<string, NodeImages['images'][number]>();
  for (const image of workloads ? [...first, ...build.images] : first) {
    const tar = relative(build.dir, image.tar);
    const archive = archives.get(tar) ?? { tar, refs: [] };
    if (!archive.refs.includes(image.ref)) archive.refs.push(image.ref);
    archives.set(tar, archive);
  }
  return [...archives.values()];
}

function findImage(
  build: EmbeddedPrograms,
  wanted: (ref: string) => boolean,
): EmbeddedPrograms['images'][number] {
  const image = build.images.find(({ ref }) => wanted(ref));
  if (image) return image;
  throw incomplete(build, 'the image of the sandbox or of cluster DNS');
}

function programOf(build: EmbeddedPrograms, name: string): string {
  const path = build.programs[name];
  if (path === undefined) throw incomplete(build, `the program ${name}`);
  return path;
}

function incomplete({ hash }: EmbeddedPrograms, what: string): TracewrightError {
  return new TracewrightError({
    type: 'internal.bug',
    message: `The embedded build ${hash} lacks ${what}.`,
    remedy: 'Delete the build from the cache folder and run the command again.',
  });
}
