import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { fileHash, sourcesHash } from '../build/store.js';

/** The programs of ours that need no Kubernetes to be linked, and the graph that each is. */
export const ownPrograms = { node: 'node', 'image-proxy': 'images' } as const;
export type OwnProgram = keyof typeof ownPrograms;

/** Of the package: <package>/prebuilt, seen from <package>/{src,dist}/targets/embedded/download. */
export const prebuiltDir = fileURLToPath(new URL('../../../../prebuilt', import.meta.url));

/** `checksums.json`, which packaging/prebuild.ts writes. */
const checksums = z.object({
  /** The version of Go that compiled them, such as `1.26.1`. */
  go: z.string().optional(),
  /** Of the graph's sources, by its folder. */
  sources: z.record(z.string(), z.string()),
  /** `<platform>-<arch>/<program>` → SHA-256 in hex. */
  files: z.record(z.string(), z.string()),
});

export type PrebuiltChecksums = z.infer<typeof checksums>;

export interface PrebuiltProgram {
  readonly path: string;
  /** In hex. */
  readonly sha256: string;
}

/** Where prebuilt programs are looked for, and for what. */
export interface PrebuiltPlace {
  /** The folder `embedded/`. */
  readonly sourceDir: string;
  /** @default that of this package */
  readonly folder?: string | undefined;
  /** As Node names it. @default this one's */
  readonly arch?: string | undefined;
}

/**
 * A program of ours as it is shipped in the package, ready to run. A checkout has none, or one of other sources.
 * @returns or why there is none, as the end of a sentence
 */
export async function findPrebuilt(
  program: OwnProgram,
  place: PrebuiltPlace,
): Promise<PrebuiltProgram | string> {
  const { sourceDir, folder = prebuiltDir, arch = process.arch } = place;
  const text = await readFile(join(folder, 'checksums.json'), 'utf8').catch(() => undefined);
  if (text === undefined)
    return 'this copy of Tracewright comes without its own programs, as a checkout does';
  const { sources, files } = checksums.parse(JSON.parse(text));
  const graph = ownPrograms[program];
  if (sources[graph] !== (await sourcesHash(join(sourceDir, graph))))
    return `the program ${program} in ${folder} was built from other sources`;
  const file = `linux-${arch}/${program}`;
  const sha256 = files[file];
  if (sha256 === undefined) return `this package has no programs for linux-${arch}`;
  const path = join(folder, file);
  const actual = await fileHash(path).catch(() => undefined);
  return actual === sha256 ? { path, sha256 } : `${path} is damaged`;
}
