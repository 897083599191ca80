import { createHash } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { testFolder } from './folder.js';

export interface SlowRegistry {
  /** In which npm and pip know this registry alone. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** How often the files were asked for. */
  readonly downloads: () => number;
  /** Sends the second part of every file, of which it has sent the first at once. */
  readonly release: () => void;
  readonly close: () => void;
}

/** What a registry has: an npm package, a wheel by the name of its file. */
export interface Published {
  readonly npm?: { readonly name: string; readonly version: string; readonly tarball: Buffer };
  readonly wheel?: { readonly file: string; readonly content: Buffer };
}

/**
 * Of a file: what is sent at once. More than a half, so that the buffers of clients do not matter to the percentage
 * that is told of it, which is `firstPercent`.
 */
const firstPart = 0.525;
export const firstPercent = 52;

/**
 * A package registry on loopback that holds the second part of every file back: no line is so slow that a test can rely
 * on it.
 */
export async function slowRegistry({ npm, wheel }: Published): Promise<SlowRegistry> {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  let downloads = 0;
  const send = async (response: ServerResponse, content: Buffer): Promise<void> => {
    downloads += 1;
    const first = Math.ceil(content.length * firstPart);
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, first));
    await released;
    response.end(content.subarray(first));
  };
  const server = createServer((request, response) => {
    const { url = '' } = request;
    if (npm && url.endsWith('.tgz')) void send(response, npm.tarball);
    else if (wheel && url.endsWith('.whl')) void send(response, wheel.content);
    else if (wheel && url.startsWith('/simple/')) {
      const link = `<a href="/${wheel.file}">${wheel.file}</a>`;
      response.writeHead(200, { 'content-type': 'text/html' }).end(link);
    } else if (npm) {
      const address = `http://${String(request.headers.host)}/it.tgz`;
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify(about(npm, address)));
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): void => {
    release();
    server.close();
    server.closeAllConnections();
  };
  onTestFinished(close);
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const environment = {
    ...process.env,
    npm_config_registry: `${url}/`,
    npm_config_cache: await testFolder(),
    npm_config_fetch_retries: '0',
    PIP_CONFIG_FILE: '/dev/null',
    PIP_FIND_LINKS: '',
    PIP_RETRIES: '0',
    PIP_INDEX_URL: `${url}/simple`,
  };
  return { environment, downloads: () => downloads, release, close };
}

/** What a registry says of a package with one version. */
function about({ name, version, tarball }: NonNullable<Published['npm']>, address: string): object {
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  const dist = { tarball: address, integrity };
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { name, version, dist } } };
}
