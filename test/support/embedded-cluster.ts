import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { buildEmbedded } from '../../src/targets/embedded/build/build.js';
import { whyUnsupported } from '../../src/targets/embedded/host.js';
import type { EmbeddedPrograms } from '../../src/targets/embedded/build/store.js';
import { sharedCacheDir } from './cache.js';

const sourceDir = resolve(import.meta.dirname, '../../embedded');

/** Why no embedded cluster can run here, said aloud; `undefined` where one can. */
export async function whyNoCluster(): Promise<string | undefined> {
  const reason = await whyUnsupported();
  if (reason !== undefined)
    console.warn(`The tests of the embedded cluster are SKIPPED on this machine: ${reason}`);
  return reason;
}

/**
 * The embedded build of these sources, made when the cache lacks it (about ten minutes). While one works on the node
 * program, TRACEWRIGHT_TEST_BUILD may name a JSON file with another `EmbeddedPrograms`.
 */
export async function embeddedPrograms(): Promise<EmbeddedPrograms> {
  const other = process.env['TRACEWRIGHT_TEST_BUILD'];
  if (other !== undefined) return JSON.parse(await readFile(other, 'utf8')) as EmbeddedPrograms;
  return await buildEmbedded({ sourceDir, cacheDir: sharedCacheDir });
}

/** The same build with the images that the cluster itself needs, for tests that run nothing else. */
export function withoutWorkloads(build: EmbeddedPrograms): EmbeddedPrograms {
  return { ...build, images: build.images.filter(({ ref }) => /pause|coredns/u.test(ref)) };
}
