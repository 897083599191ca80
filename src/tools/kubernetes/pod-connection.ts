import { Duplex } from 'node:stream';
import { WebSocket, type RawData } from 'ws';
import { ApiError } from './api-error.js';
import { unreachable, type DirectRoute } from './transport.js';

export interface PodPort {
  readonly namespace: string;
  readonly pod: string;
  /** Of the container. */
  readonly port: number;
}

/** In bytes, of what waits in memory until the API server takes it. */
const maxWaiting = 1024 * 1024;
/** In milliseconds. */
const pollMs = 20;
/** Kubernetes' channels of one port: its data and its errors; the first message of each repeats the port. */
const [dataChannel, errorChannel] = [0, 1];

/**
 * A TCP connection to a port of a pod, through the API server and one WebSocket. The stream fails with what the pod's
 * machine says when nothing listens.
 * @throws ApiError when the API server refuses (404: no such pod), TracewrightError `cluster.unreachable`
 */
export async function connectPod({ baseUrl, headers, tls }: DirectRoute, target: PodPort): Promise<Duplex> {
  const { namespace, pod, port } = target;
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/portforward?ports=${String(port)}`;
  const socket = new WebSocket(baseUrl.replace(/^http/u, 'ws') + path, ['v4.channel.k8s.io'], {
    ...tls,
    headers: { ...headers },
    perMessageDeflate: false,
  });
  const stream = streamOf(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('unexpected-response', (_, { statusCode = 0 }) => {
      const asked = `connect to port ${String(port)} of the pod ${namespace}/${pod}`;
      reject(new ApiError(asked, statusCode, {}));
      socket.terminate();
    });
    socket.on('error', (error) => {
      reject(unreachable(baseUrl, error));
    });
  });
  return stream;
}

function streamOf(socket: WebSocket): Duplex {
  const greeted = new Set<number>();
  const stream = new Duplex({
    read: () => {
      socket.resume();
    },
    write(chunk: Buffer, _encoding, done) {
      socket.send(Buffer.concat([Buffer.of(dataChannel), chunk]));
      whenTaken(socket, done);
    },
    // The protocol cannot close one direction alone: with our end it ends.
    final(done) {
      socket.close();
      done();
    },
    destroy(error, done) {
      socket.terminate();
      done(error);
    },
  });
  socket.on('message', (message: RawData) => {
    const bytes = message as Buffer;
    const channel = bytes[0] ?? 0;
    if (!greeted.has(channel)) {
      greeted.add(channel);
      return;
    }
    const content = bytes.subarray(1);
    if (content.length === 0) return;
    if (channel === errorChannel) stream.destroy(new Error(content.toString('utf8').trim()));
    else if (!stream.push(content)) socket.pause();
  });
  socket.once('close', () => stream.push(null));
  return stream;
}

function whenTaken(socket: WebSocket, done: () => void): void {
  if (socket.bufferedAmount < maxWaiting) done();
  else setTimeout(whenTaken, pollMs, socket, done);
}
