import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A way from this process to ports that listen in the box. */
export interface Door {
  /**
   * Makes a port of the box's 127.0.0.1 answer on this machine's.
   * @param at its number there; 0 for any that is free
   * @returns that number; again: the same
   */
  readonly reach: (port: number, at: number) => Promise<number>;
  readonly close: () => void;
}

/** Runs in the box's network. A guest names its port first, in two bytes. */
const porter = `
const { connect, createServer } = require('node:net');
createServer({ allowHalfOpen: true }, (guest) => {
  guest.on('error', () => guest.destroy());
  const take = () => {
    const head = guest.read(2);
    if (head === null) return guest.once('readable', take);
    const inside = connect({ host: '127.0.0.1', port: head.readUInt16BE(), allowHalfOpen: true });
    inside.on('error', () => guest.destroy());
    guest.on('close', () => inside.destroy());
    inside.on('close', () => guest.destroy());
    guest.pipe(inside).pipe(guest);
  };
  guest.once('readable', take);
}).listen(process.argv[1], () => console.log('open'));
`;

/**
 * @param network the words before a command that put it into the box's network
 * @param socket where the two halves of the door meet: a path
 */
export async function openDoor(network: readonly string[], socket: string): Promise<Door> {
  const [nsenter = '', ...words] = network;
  const inside = spawn(nsenter, [...words, '--', process.execPath, '-e', porter, socket], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(inside.stdout, 'data');
  const servers = new Map<number, Promise<Server>>();
  const guests = new Set<Socket>();
  return {
    reach: async (port, at) => {
      const listening =
        servers.get(port) ??
        listen(at, (guest) => {
          guests.add(guest);
          guest.on('close', () => guests.delete(guest));
          lead(guest, socket, port);
        });
      servers.set(port, listening);
      return ((await listening).address() as AddressInfo).port;
    },
    close: () => {
      inside.kill();
      for (const guest of guests) guest.destroy();
      for (const server of servers.values()) void server.then((it) => it.close());
    },
  };
}

async function listen(port: number, arrive: (guest: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, arrive).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function lead(guest: Socket, socket: string, port: number): void {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(port);
  const inside = connect({ path: socket, allowHalfOpen: true });
  inside.write(head);
  for (const [one, other] of [
    [guest, inside],
    [inside, guest],
  ] as const) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
  }
  guest.pipe(inside).pipe(guest);
}
