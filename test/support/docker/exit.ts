import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer, request, type IncomingMessage, type Server } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A port in the box, and in every network of its engine, behind which this process stands. */
export interface Exit {
  /** On all addresses of the box: a container reaches it at the gateway of its network. */
  readonly port: number;
  readonly close: () => void;
}

/** Runs in the box's network, and hands each guest on to this process. */
const porter = `
const { connect, createServer } = require('node:net');
const server = createServer({ allowHalfOpen: true }, (guest) => {
  const out = connect({ path: process.argv[1], allowHalfOpen: true });
  for (const [one, other] of [[guest, out], [out, guest]]) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
  }
  guest.pipe(out).pipe(guest);
}).listen(0, '0.0.0.0', () => console.log(server.address().port));
`;

/**
 * Leads to one address that this machine reaches, such as an API server.
 * @param network the words before a command that put it into the box's network
 * @param socket where the two halves meet: a path
 */
export function openExitTo(
  network: readonly string[],
  socket: string,
  target: { readonly host: string; readonly port: number },
): Promise<Exit> {
  const server = createServer({ allowHalfOpen: true }, (guest) => {
    join(guest, connect({ ...target, allowHalfOpen: true }));
  });
  return open(network, socket, server);
}

/** A proxy for HTTP and, by CONNECT, for anything else: the way of a build to package registries. */
export function openProxyExit(network: readonly string[], socket: string): Promise<Exit> {
  const server: Server = createHttpServer((asked, answer) => {
    const { method, headers, url = '' } = asked;
    const there = request(url, { method, headers }, (got: IncomingMessage) => {
      answer.writeHead(got.statusCode ?? 502, got.headers);
      got.pipe(answer);
    });
    there.on('error', () => answer.destroy());
    asked.pipe(there);
  });
  server.on('connect', ({ url = '' }: IncomingMessage, guest: Duplex) => {
    const { hostname, port } = new URL(`tcp://${url}`);
    const there = connect(Number(port), hostname, () => guest.write('HTTP/1.1 200 OK\r\n\r\n'));
    join(guest, there);
  });
  return open(network, socket, server);
}

async function open(
  network: readonly string[],
  socket: string,
  server: ReturnType<typeof createServer>,
): Promise<Exit> {
  const guests = new Set<Socket>();
  server.on('connection', (guest: Socket) => {
    guests.add(guest);
    guest.on('close', () => guests.delete(guest));
  });
  server.listen(socket);
  await once(server, 'listening');
  const [nsenter = '', ...words] = network;
  const inside = spawn(nsenter, [...words, '--', process.execPath, '-e', porter, socket], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(inside.stdout, 'data')) as [Buffer];
  return {
    port: Number(String(line).trim()),
    close: () => {
      inside.kill();
      server.close();
      for (const guest of guests) guest.destroy();
    },
  };
}

function join(one: Duplex, other: Duplex): void {
  for (const [mine, theirs] of [
    [one, other],
    [other, one],
  ] as const) {
    mine.on('error', () => theirs.destroy());
    mine.on('close', () => theirs.destroy());
  }
  one.pipe(other).pipe(one);
}
