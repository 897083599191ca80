import { chmod, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { TracewrightError } from '../../domain/failure.js';
import type { EmbeddedBuild } from './build/store.js';
import type { ClusterFolder } from './folder.js';
import type { FoundPrograms } from './programs.js';

/** What of an embedded build the running cluster needs. One that runs another build is restarted with this one. */
export type EmbeddedPrograms = Pick<EmbeddedBuild, 'dir' | 'hash' | 'kubeBinary' | 'images'>;

const sandboxImage = 'embedded.local/pause:1';
const dnsImage = 'registry.k8s.io/coredns/coredns:';

export interface NodeConfigOptions {
  readonly name: string;
  readonly folder: ClusterFolder;
  readonly build: EmbeddedPrograms;
  readonly programs: FoundPrograms & { readonly cniFolder: string };
}

/**
 * Writes what the node program reads at its start, the Config of embedded/kube/node/config.go.
 * @returns the path of the node program: the multi-call binary under the name that picks this face
 */
export async function writeNodeConfig({ name, folder, build, programs }: NodeConfigOptions): Promise<string> {
  const config = {
    name,
    id: folder.id,
    kubeBinary: build.kubeBinary,
    buildHash: build.hash,
    buildFolder: build.dir,
    programs: Object.fromEntries(programs.paths),
    cniFolder: programs.cniFolder,
    sandboxImage,
    images: archivesOf(build),
  };
  await mkdir(folder.path, { recursive: true, mode: 0o700 });
  await chmod(folder.path, 0o700);
  const path = join(folder.path, 'node.json');
  await writeFile(`${path}.new`, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return await linkProgram(join(folder.path, 'bin', 'node'), build.kubeBinary);
}

/** The name of the build's image of cluster DNS. */
export function dnsImageOf(build: EmbeddedPrograms): string {
  return findImage(build, (ref) => ref.startsWith(dnsImage)).ref;
}

interface Archive {
  /** Relative to the build's folder. */
  readonly tar: string;
  readonly refs: string[];
}

/** Each archive once; first the two that the first pod waits for, then the others in the order of the build. */
function archivesOf(build: EmbeddedPrograms): Archive[] {
  const first = [
    findImage(build, (ref) => ref === sandboxImage),
    findImage(build, (ref) => ref.startsWith(dnsImage)),
  ];
  const archives = new Map<string, Archive>();
  for (const image of [...first, ...build.images]) {
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
  throw new TracewrightError({
    type: 'internal.bug',
    message: `The embedded build ${build.hash} lacks the image of the sandbox or of cluster DNS.`,
    remedy: 'Delete the build from the cache folder and run the command again.',
  });
}

async function linkProgram(link: string, program: string): Promise<string> {
  await mkdir(dirname(link), { recursive: true, mode: 0o700 });
  await rm(`${link}.new`, { force: true });
  await symlink(program, `${link}.new`);
  await rename(`${link}.new`, link);
  return link;
}
