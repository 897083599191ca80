import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../src/tools/process.js';

/** Debian's registry, which serves images as Docker Hub does. */
export interface DockerRegistry {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  /** Paths of the GET requests that it was asked since the last call. */
  gets(): string[];
  /**
   * Puts an image of an archive of the embedded build into it.
   * @param ref its name in the archive @default the first one
   */
  push(archive: string, repository: string, tag: string, ref?: string): Promise<void>;
  close(): void;
}

/** Says aloud why there is no such registry here; `undefined` where there is one. */
export async function whyNoRegistry(): Promise<string | undefined> {
  try {
    await run('docker-registry', ['--version']);
    return undefined;
  } catch {
    const reason = "Debian's package docker-registry is not installed";
    console.warn(`The tests that pull images are SKIPPED on this machine: ${reason}`);
    return reason;
  }
}

/** Starts one on a free port of the loopback, with its images in the folder. */
export async function startDockerRegistry(folder: string): Promise<DockerRegistry> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const host = `127.0.0.1:${String((probe.address() as AddressInfo).port)}`;
  await new Promise((resolve) => probe.close(resolve));
  await mkdir(join(folder, 'data'), { recursive: true });
  const config = join(folder, 'registry.yml');
  await writeFile(
    config,
    JSON.stringify({
      version: 0.1,
      log: { level: 'info', formatter: 'json' },
      storage: { filesystem: { rootdirectory: join(folder, 'data') } },
      http: { addr: host, secret: 'of a test' },
    }),
  );
  const child = spawn('docker-registry', ['serve', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => {
      said += text.toString();
    });
  for (let tries = 0; !(await answers(host)); tries++) {
    if (tries > 100 || child.exitCode !== null) throw new Error(`docker-registry does not start: ${said}`);
    await sleep(50);
  }
  return {
    host,
    gets: () => {
      const found = [
        ...said.matchAll(/"http\.request\.method":"GET"[^\n]*?"http\.request\.uri":"([^"]+)"/gu),
      ];
      said = '';
      return [...new Set(found.map(([, uri = '']) => uri))].filter((uri) => uri !== '/v2/');
    },
    push: (archive, repository, tag, ref) =>
      push(`http://${host}/v2/${repository}`, { archive, ref, tag, scratch: folder }),
    close: () => child.kill(),
  };
}

async function answers(host: string): Promise<boolean> {
  return fetch(`http://${host}/v2/`).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function push(
  url: string,
  { archive, ref, tag, scratch }: { archive: string; ref: string | undefined; tag: string; scratch: string },
): Promise<void> {
  const folder = await mkdtemp(join(scratch, 'push-'));
  await run('tar', ['-xf', archive, '-C', folder]);
  const images = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as {
    Config: string;
    Layers: string[];
    RepoTags: string[];
  }[];
  const image = images.find(({ RepoTags }) => ref === undefined || RepoTags.includes(ref));
  if (!image) throw new Error(`${archive} has no image ${ref ?? ''}`);
  const upload = async (file: string, mediaType: string) => {
    const content = await readFile(join(folder, file));
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    const begun = await fetch(`${url}/blobs/uploads/`, { method: 'POST' });
    const place = new URL(begun.headers.get('location') ?? '', url);
    place.searchParams.set('digest', digest);
    const done = await fetch(place, {
      method: 'PUT',
      body: content,
      headers: { 'content-type': 'application/octet-stream' },
    });
    if (done.status !== 201) throw new Error(`${file}: ${String(done.status)} ${await done.text()}`);
    return { mediaType, digest, size: content.length };
  };
  const config = await upload(image.Config, 'application/vnd.docker.container.image.v1+json');
  const layers = [];
  for (const layer of image.Layers)
    layers.push(await upload(layer, 'application/vnd.docker.image.rootfs.diff.tar'));
  const mediaType = 'application/vnd.docker.distribution.manifest.v2+json';
  const answer = await fetch(`${url}/manifests/${tag}`, {
    method: 'PUT',
    headers: { 'content-type': mediaType },
    body: JSON.stringify({ schemaVersion: 2, mediaType, config, layers }),
  });
  if (answer.status !== 201) throw new Error(`${tag}: ${String(answer.status)} ${await answer.text()}`);
  await rm(folder, { recursive: true });
}
