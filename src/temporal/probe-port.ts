import { connect } from 'node:net';

/** `silent`: no answer at all in the given time. */
export type PortState = 'open' | 'refused' | 'unknown-host' | 'silent';

/** Whether something accepts TCP connections at `host:port` (brackets around an IPv6 address). Never throws. */
export async function probePort(address: string, timeoutMs: number): Promise<PortState> {
  const { hostname, port } = new URL(`tcp://${address}`);
  return new Promise((resolve) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/gu, ''),
      port: Number(port || 7233),
      timeout: timeoutMs,
    });
    const end = (state: PortState): void => {
      socket.destroy();
      resolve(state);
    };
    socket.once('connect', () => {
      end('open');
    });
    socket.once('timeout', () => {
      end('silent');
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      end(
        code === 'ECONNREFUSED'
          ? 'refused'
          : code === 'ENOTFOUND' || code === 'EAI_AGAIN'
            ? 'unknown-host'
            : 'silent',
      );
    });
  });
}

/** Whether the address is one of this machine, where no proxy stands between. */
export function isLoopback(address: string): boolean {
  return /^(?:127\.|localhost(?::|$)|\[::1\])/u.test(address);
}
