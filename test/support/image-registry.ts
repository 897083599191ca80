import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { digestOf } from './chart-server.js';

export interface ImageRegistry {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  readonly requests: string[];
  /** Answers this instead of a manifest; `hang` answers nothing. */
  mischief: number | 'hang' | undefined;
  /** Asks for a token first, as Docker Hub does. */
  wantsToken: boolean;
  /** @returns the digest of the image's index */
  publish(repository: string, tag: string, content: string): string;
  close(): void;
}

const indexType = 'application/vnd.oci.image.index.v1+json';

/** A registry on the loopback, as far as manifests go. */
export async function startImageRegistry(): Promise<ImageRegistry> {
  const indexes = new Map<string, string>();
  const server = createServer((request, response) => {
    it.requests.push(request.url ?? '');
    if (request.url?.startsWith('/token')) {
      const scope = new URL(request.url, `http://${host}`).searchParams.get('scope');
      response.end(JSON.stringify({ token: `for ${String(scope)}` }));
    } else answer(it, indexes, request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const it: ImageRegistry = {
    host,
    requests: [],
    mischief: undefined,
    wantsToken: false,
    publish: (repository, tag, content) => {
      const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [], content });
      indexes.set(`/v2/${repository}/manifests/${tag}`, index);
      return digestOf(index);
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return it;
}

function answer(
  { host, mischief, wantsToken }: ImageRegistry,
  indexes: ReadonlyMap<string, string>,
  { url = '', headers }: IncomingMessage,
  response: ServerResponse,
): void {
  const repository = /^\/v2\/(.+)\/manifests\//u.exec(url)?.[1];
  if (mischief === 'hang') return;
  if (mischief !== undefined) {
    response.writeHead(mischief).end();
  } else if (wantsToken && headers.authorization !== `Bearer for repository:${String(repository)}:pull`) {
    const challenge = `Bearer realm="http://${host}/token",service="registry",scope="repository:${String(repository)}:pull"`;
    response.writeHead(401, { 'www-authenticate': challenge }).end();
  } else if (!indexes.has(url) || !headers.accept?.includes(indexType)) {
    response.writeHead(404).end();
  } else response.writeHead(200, { 'content-type': indexType }).end(indexes.get(url));
}
