import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';

/** A web server on loopback, as those of publishers: HEAD, GET, ranges, and on request a redirect in front. */
export interface FileServer {
  /** Without a slash at its end. */
  readonly url: string;
  /** Each request so far: `GET /a/b bytes=7-`. */
  readonly requests: string[];
  close(): void;
}

export interface FileServerOptions {
  /** Path → its file or its bytes. */
  readonly files: Readonly<Record<string, string | Buffer>>;
  /** Ends each answer to a GET after so many bytes; ranges go on from there. @default never */
  readonly cutAfter?: number;
  /** Whether it answers ranges. @default true */
  readonly ranges?: boolean;
  /** Sends everybody from `/go/<path>` to `/<path>`. */
  readonly redirects?: true;
  /** PEM. @default http */
  readonly tls?: { readonly key: string; readonly cert: string };
}

export async function startFileServer(options: FileServerOptions): Promise<FileServer> {
  const requests: string[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = '', url = '', headers } = request;
    requests.push([method, url, headers.range].filter((it) => it !== undefined).join(' '));
    serve(options, request, response).catch(() => response.destroy());
  };
  const server = options.tls ? createSecureServer(options.tls, answer) : createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${String(port)}`,
    requests,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function serve(
  { files, cutAfter = Infinity, ranges = true, redirects }: FileServerOptions,
  { method, url = '', headers }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (redirects && url.startsWith('/go/')) {
    response.writeHead(302, { location: url.slice(3) }).end();
    return;
  }
  const file = files[url];
  if (file === undefined) {
    response.writeHead(404, { 'content-type': 'text/html' }).end('<html>not here</html>');
    return;
  }
  const size = typeof file === 'string' ? (await stat(file)).size : file.length;
  const begin = ranges ? Number(/^bytes=(\d+)-$/u.exec(headers.range ?? '')?.[1] ?? 0) : 0;
  response.writeHead(begin > 0 ? 206 : 200, { 'content-length': size - begin });
  if (method === 'HEAD') {
    response.end();
    return;
  }
  const end = Math.min(size, begin + cutAfter);
  if (typeof file !== 'string') response.write(file.subarray(begin, end));
  else if (end > begin)
    await pipeline(createReadStream(file, { start: begin, end: end - 1 }), response, { end: false });
  if (end === size) response.end();
  else setTimeout(() => response.destroy(), 20);
}
