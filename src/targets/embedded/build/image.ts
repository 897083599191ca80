import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { pack, type Pack } from 'tar-stream';
import type { ImageRuntime } from './catalog.js';
import { packLayer, streamEntry, type Layer } from './layer.js';

/** Names of processors: Node's → those of images. */
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

const mtime = new Date(0);

/**
 * Writes a docker-archive, the file that `ctr images import` takes, with one layer that all of `refs` share.
 * Reads the layer's files twice (digest and size must stand before the contents) instead of keeping them in memory.
 * The file is there whole or not at all.
 */
export async function writeImage(
  path: string,
  layer: Layer,
  refs: Readonly<Record<string, ImageRuntime>>,
): Promise<void> {
  const { digest, size } = await measure(packLayer(layer));
  const images = Object.entries(refs).map(([ref, runtime]) => describe(ref, runtime, digest));
  const tar = pack();
  const layerFile = `${digest}.tar`;
  const writing = (async () => {
    addText(tar, 'manifest.json', JSON.stringify(images.map((image) => image.manifest(layerFile))));
    // Two names for one image have one configuration: written once.
    for (const [name, config] of new Map(images.map((image) => [image.name, image.config])))
      addText(tar, name, config);
    await streamEntry(tar, { name: layerFile, size, mode: 0o644, mtime }, packLayer(layer));
    tar.finalize();
  })().catch((error: unknown) => {
    tar.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  const unfinished = `${path}.unfinished`;
  await pipeline(tar as AsyncIterable<Buffer>, createWriteStream(unfinished));
  await writing;
  await rename(unfinished, path);
}

interface ImageDescription {
  /** Of its configuration's file in the archive. */
  name: string;
  config: string;
  manifest: (layerFile: string) => { Config: string; RepoTags: string[]; Layers: string[] };
}

function describe(ref: string, runtime: ImageRuntime, layerDigest: string): ImageDescription {
  const config = JSON.stringify({
    architecture: architectures[process.arch] ?? process.arch,
    os: 'linux',
    config: {
      Entrypoint: runtime.entrypoint,
      ...(runtime.cmd && { Cmd: runtime.cmd }),
      User: runtime.user,
      WorkingDir: runtime.workdir,
      Env: ['PATH=/usr/local/bin:/usr/bin:/bin'],
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layerDigest}`] },
  });
  const name = `${createHash('sha256').update(config).digest('hex')}.json`;
  return { name, config, manifest: (layerFile) => ({ Config: name, RepoTags: [ref], Layers: [layerFile] }) };
}

async function measure(tar: Pack): Promise<{ digest: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of tar as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { digest: hash.digest('hex'), size };
}

function addText(tar: Pack, name: string, content: string): void {
  tar.entry({ name, mode: 0o644, mtime }, content);
}
