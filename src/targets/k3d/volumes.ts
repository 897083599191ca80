import { readFile, writeFile } from 'node:fs/promises';
import { docker, lines, type Docker, type K3dContainer } from './docker.js';
import type { K3dFolder } from './k3d-program.js';

/**
 * Writes down which volumes the containers have, besides those that are noted already. The anonymous ones, which k3s keeps
 * all of its data in, stay when somebody removes a container by hand, and then nothing tells whose they were.
 */
export async function noteVolumes(
  containers: readonly Pick<K3dContainer, 'volumes'>[],
  folder: Pick<K3dFolder, 'volumes'>,
): Promise<void> {
  const all = new Set([...(await readNotes(folder)), ...containers.flatMap(({ volumes }) => volumes)]);
  await writeFile(folder.volumes, [...all, ''].join('\n'), { mode: 0o600 });
}

/** Those of the noted volumes that Docker still has. @throws as `docker` */
export async function notedVolumes(context: Docker, folder: Pick<K3dFolder, 'volumes'>): Promise<string[]> {
  const noted = await readNotes(folder);
  if (noted.length === 0) return [];
  const there = new Set(lines(await docker(context, ['volume', 'ls', '--quiet'])));
  return noted.filter((name) => there.has(name));
}

async function readNotes({ volumes }: Pick<K3dFolder, 'volumes'>): Promise<string[]> {
  return lines(await readFile(volumes, 'utf8').catch(() => ''));
}
