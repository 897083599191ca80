import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { DockerEngine } from '../docker/engine.js';
import { buildImage } from '../docker/images.js';

/** An image: the files that go in, from where on this machine, and the rest of its Dockerfile. */
export interface Recipe {
  /** With its tag. */
  readonly name: string;
  readonly from: string;
  /** By their path in the image, without the leading "/". @default none */
  readonly files?: Readonly<Record<string, string>>;
  /** Instructions of a Dockerfile. @default none */
  readonly steps?: readonly string[];
}

/** Builds an image without any network. */
export async function makeImage(
  engine: DockerEngine,
  { name, from, files = {}, steps = [] }: Recipe,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'docker-image-'));
  try {
    for (const [to, path] of Object.entries(files)) {
      await mkdir(dirname(join(folder, 'files', to)), { recursive: true });
      await cp(path, join(folder, 'files', to), { recursive: true, dereference: true });
    }
    const copy = Object.keys(files).length > 0 ? ['COPY files /'] : [];
    await writeFile(join(folder, 'Dockerfile'), [`FROM ${from}`, ...copy, ...steps, ''].join('\n'));
    await buildImage(engine, folder, name, '--network', 'none');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
