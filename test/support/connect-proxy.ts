import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

/** An HTTP proxy of a company, as HTTPS_PROXY and `proxy-url` name one. */
export interface ConnectProxy {
  readonly url: string;
  /** What it was asked for, in order: `host:port` of a CONNECT, the address of anything else. */
  readonly asked: string[];
  close(): void;
}

/** @param to the port of 127.0.0.1 to which every CONNECT leads, whatever it names @default it refuses all */
export async function startConnectProxy(to?: number): Promise<ConnectProxy> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', () => socket.destroy());
  };
  const server = createServer(({ url = '' }, response) => {
    asked.push(url);
    response.writeHead(502).end();
  }).on('connect', ({ url = '' }, near: Socket) => {
    asked.push(url);
    keep(near);
    if (to === undefined) {
      near.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      return;
    }
    const far = keep(
      connect(to, '127.0.0.1', () => {
        near.write('HTTP/1.1 200 OK\r\n\r\n');
        near.pipe(far).pipe(near);
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    asked,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
}
