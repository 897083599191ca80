import { Duplex, PassThrough, Writable } from 'node:stream';
import { PortForward, type KubeConfig } from '@kubernetes/client-node';
import { ApiError } from './api-error.js';
import { unreachable } from './transport.js';

export interface PodPort {
  readonly namespace: string;
  readonly pod: string;
  /** Of the container. */
  readonly port: number;
}

/** The library hands out a WebSocket of `ws`; this is what is used of it. */
interface PodSocket {
  readonly bufferedAmount: number;
  onclose: (() => void) | null;
  pause(): void;
  resume(): void;
  terminate(): void;
}

/** In bytes, of what waits in memory until the API server takes it. */
const maxWaiting = 1024 * 1024;
/** In milliseconds. */
const lookAgainMs = 20;

/**
 * A TCP connection to a port of a pod, through the API server. The library speaks the protocol, but neither waits for a
 * slow reader nor for a slow server; this does. The stream fails with what the pod's machine says when nothing listens.
 * @throws ApiError when the API server refuses (404: no such pod), TracewrightError `cluster.unreachable`
 */
export async function connectPod(config: KubeConfig, { namespace, pod, port }: PodPort): Promise<Duplex> {
  let socket: PodSocket | undefined;
  const input = new PassThrough();
  const stream = new Duplex({
    read: () => socket?.resume(),
    write(chunk: Buffer, _encoding, done) {
      input.write(chunk);
      whenTaken(socket, done);
    },
    // The protocol cannot close one direction alone: with our end it ends.
    final(done) {
      input.end();
      done();
    },
    destroy(error, done) {
      socket?.terminate();
      done(error);
    },
  });
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (!stream.push(chunk)) socket?.pause();
      done();
    },
  });
  const trouble = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (chunk.length > 0) stream.destroy(new Error(chunk.toString('utf8').trim()));
      done();
    },
  });
  try {
    const forward = new PortForward(config).portForward(namespace, pod, [port], output, trouble, input);
    socket = (await forward) as PodSocket;
  } catch (event) {
    throw refused(config, `connect to port ${String(port)} of the pod ${namespace}/${pod}`, event);
  }
  socket.onclose = () => stream.push(null);
  return stream;
}

function whenTaken(socket: PodSocket | undefined, done: () => void): void {
  if (!socket || socket.bufferedAmount < maxWaiting) done();
  else setTimeout(whenTaken, lookAgainMs, socket, done);
}

/** The library rejects with an event of the WebSocket; the status stands in its message alone. */
function refused(config: KubeConfig, asked: string, event: unknown): Error {
  const { message = '', error } = event as { message?: string; error?: unknown };
  const status = /server response: (\d+)/u.exec(message)?.[1];
  if (status !== undefined) return new ApiError(asked, Number(status), {});
  return unreachable(config.getCurrentCluster()?.server ?? '', error ?? event);
}
