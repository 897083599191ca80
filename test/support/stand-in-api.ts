import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** An HTTP server that stands for an API server: tells its version, allows everything, and says what reached it. */
export interface StandInApi {
  readonly url: string;
  readonly port: number;
  readonly seen: SeenRequest[];
  close(): Promise<void>;
}

export interface StandInOptions {
  /** PEM: speaks TLS, and with `ca` only to who has a certificate of that authority. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca?: string } | undefined;
  /** Where it listens. @default 127.0.0.1 */
  readonly host?: string | undefined;
  /** Any other Authorization is answered with 401. */
  readonly require?: () => string;
}

export async function startStandIn({
  tls,
  host = '127.0.0.1',
  require,
}: StandInOptions = {}): Promise<StandInApi> {
  const seen: SeenRequest[] = [];
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = '', url = '', headers } = request;
    seen.push({ method, url, headers });
    const answer = (code: number, body: object): void => {
      response.writeHead(code, { 'content-type': 'application/json', 'audit-id': 'stand-in' });
      response.end(JSON.stringify(body));
    };
    request.resume().once('end', () => {
      if (require && headers.authorization !== require())
        answer(401, { kind: 'Status', code: 401, reason: 'Unauthorized', message: 'Unauthorized' });
      else if (url.includes('/version')) answer(200, { gitVersion: 'v1.34.4' });
      else if (url.includes('selfsubjectaccessreviews')) answer(201, { status: { allowed: true } });
      else answer(404, { kind: 'Status', code: 404, reason: 'NotFound', message: 'not found' });
    });
  };
  const clients = { requestCert: tls?.ca !== undefined };
  const server = tls ? createTlsServer({ ...tls, ...clients }, handle) : createServer(handle);
  // Those that are still shaking hands, too.
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${String(port)}`,
    port,
    seen,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
