import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Transform } from 'node:stream';

/** A cable between two programs of this machine that can be cut. */
export interface Proxy {
  readonly address: string;
  /** Drops all connections, and every new one until `mend`. */
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

export interface ProxyOptions {
  /** After so many connections it is cut by itself, and nothing listens there any more. @default never */
  readonly connections?: number;
  /** How fast each connection brings what the target answers. @default as fast as it can */
  readonly bytesPerSecond?: number;
}

/** @param target `host:port` */
export async function startProxy(
  target: string,
  { connections = Infinity, bytesPerSecond }: ProxyOptions = {},
): Promise<Proxy> {
  const [host = '', port = ''] = target.split(':');
  const sockets = new Set<Socket>();
  let whole = true;
  let taken = 0;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    return socket;
  };
  const server = createServer((near) => {
    keep(near);
    taken += 1;
    if (taken > connections) end();
    if (!whole) {
      near.resetAndDestroy();
      return;
    }
    const far = keep(connect(Number(port), host));
    near.pipe(far);
    if (bytesPerSecond === undefined) far.pipe(near);
    else far.pipe(slowLine(bytesPerSecond)).pipe(near);
    near.once('close', () => far.destroy());
    far.once('close', () => near.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const dropAll = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const cut = (): void => {
    whole = false;
    dropAll();
  };
  const end = (): void => {
    cut();
    server.close();
  };
  const { port: ownPort } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${String(ownPort)}`,
    cut,
    mend: () => {
      whole = true;
    },
    close: async () => {
      if (!server.listening) return;
      end();
      await once(server, 'close');
    },
  };
}

function slowLine(bytesPerSecond: number): Transform {
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      setTimeout(
        () => {
          done(undefined, chunk);
        },
        (chunk.length / bytesPerSecond) * 1_000,
      );
    },
  });
}
