import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { digestOf } from './chart-server.js';

/** A registry in which every repository has a trouble of its own: the one that it is called by. */
export interface TroubledRegistry {
  /** `127.0.0.1:<port>`, by plain HTTP. */
  readonly host: string;
  close(): void;
}

const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
};

export async function startTroubledRegistry(): Promise<TroubledRegistry> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function answer({ url = '', method }: IncomingMessage, response: ServerResponse): void {
  const [, trouble = '', kind = '', reference = ''] =
    /^\/v2\/(?:\w+\/)?([\w-]+)\/(manifests|blobs)\/(.+)$/u.exec(url) ?? [];
  const refuse = (status: number, code: string, headers = {}): void => {
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify({ errors: [{ code, message: code.toLowerCase().replaceAll('_', ' ') }] }));
  };
  switch (trouble) {
    case '':
      response.end();
      return;
    case 'private':
      refuse(401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="it"' });
      return;
    case 'forbidden':
      refuse(403, 'DENIED');
      return;
    case 'limited':
      refuse(429, 'TOOMANYREQUESTS', { 'retry-after': '70' });
      return;
    case 'broken':
      refuse(500, 'UNKNOWN');
      return;
    case 'page':
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Please log in</html>');
      return;
  }
  const part = partsOf(trouble).find(({ names }) => names.includes(reference));
  if (!part) {
    refuse(404, kind === 'blobs' ? 'BLOB_UNKNOWN' : 'MANIFEST_UNKNOWN');
    return;
  }
  const [name = ''] = part.names;
  response
    .writeHead(200, {
      'content-type': part.type,
      'content-length': part.data.length,
      'docker-content-digest': name,
    })
    .end(method === 'HEAD' ? undefined : part.data);
}

interface Part {
  /** The first is what the part claims to be. */
  readonly names: readonly string[];
  readonly type: string;
  readonly data: string;
}

/** Of an image with one layer, or an index that has one for other processors alone. */
function partsOf(trouble: string): readonly Part[] {
  if (!trouble.startsWith('other-')) return [];
  const layer = 'the layer';
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const config = JSON.stringify({
    os: 'linux',
    architecture,
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
  });
  const describe = (mediaType: string, data: string) => ({
    mediaType,
    digest: digestOf(data),
    size: data.length,
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: types.manifest,
    config: describe(types.config, config),
    layers: [describe(types.layer, layer)],
  });
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: types.index,
    manifests: [{ ...describe(types.manifest, manifest), platform: { os: 'linux', architecture: 's390x' } }],
  });
  const falsified = (data: string, isIt: boolean): string => (isIt ? data.replace(/l/u, 'L') : data);
  const tagged = trouble === 'other-processor' ? index : manifest;
  return [
    { names: [digestOf(index), ...(tagged === index ? ['1'] : [])], type: types.index, data: index },
    {
      names: [digestOf(manifest), ...(tagged === manifest ? ['1'] : [])],
      type: types.manifest,
      data: falsified(manifest, trouble === 'other-manifest'),
    },
    { names: [digestOf(config)], type: types.config, data: config },
    { names: [digestOf(layer)], type: types.layer, data: falsified(layer, trouble === 'other-layer') },
  ];
}
