import { once } from 'node:events';
import {
  connect,
  constants,
  createSecureServer,
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Certificates } from './certificates.js';

/** Stands before a gRPC server and lets only some in, as ingresses and Temporal Cloud do. */
export interface GrpcGateway {
  /** `host:port`; speaks TLS. */
  readonly address: string;
  /** Calls that were let through. */
  readonly passed: () => number;
  readonly close: () => Promise<void>;
}

export interface GrpcGatewayOptions {
  readonly certificates: Certificates;
  /** Whoever has no certificate of the same root does not get as far as a call. @default false */
  readonly mutual?: boolean;
  /** Calls without `authorization: Bearer …` of it end as UNAUTHENTICATED. */
  readonly apiKey?: string;
}

/** gRPC's number for who is not known: https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
const unauthenticated = '16';

/** @param target `host:port` of the server behind it, without TLS */
export async function startGrpcGateway(
  target: string,
  { certificates, mutual = false, apiKey }: GrpcGatewayOptions,
): Promise<GrpcGateway> {
  const opened = new Set<ClientHttp2Session>();
  let behind: ClientHttp2Session | undefined;
  /** Temporal ends connections that are older than five minutes: what runs goes on, and what follows takes another one. */
  const dial = (): ClientHttp2Session => {
    const session = connect(`http://${target}`);
    const leave = (): void => {
      if (behind === session) behind = undefined;
    };
    session.on('goaway', leave);
    session.on('error', leave);
    session.on('close', () => {
      leave();
      opened.delete(session);
    });
    opened.add(session);
    return session;
  };
  let passed = 0;
  const server = createSecureServer({
    ...certificates.server,
    ca: certificates.root,
    requestCert: mutual,
    rejectUnauthorized: mutual,
  });
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream, headers) => {
    if (apiKey !== undefined && headers.authorization !== `Bearer ${apiKey}`) {
      const refusal = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': unauthenticated };
      stream.respond(refusal, { endStream: true });
      return;
    }
    passed += 1;
    forward(stream, headers, (behind ??= dial()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    passed: () => passed,
    close: async () => {
      for (const session of opened) session.destroy();
      const closed = once(server, 'close');
      server.close();
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}

/** A call and its answer, with the trailers that hold gRPC's status. */
function forward(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, behind: ClientHttp2Session): void {
  const call = behind.request(headers);
  stream.pipe(call).on('error', () => {
    stream.close();
  });
  stream.on('error', () => {
    call.close();
  });
  stream.on('close', () => {
    call.close();
  });
  let trailers: IncomingHttpHeaders = {};
  call.on('trailers', (them: IncomingHttpHeaders) => {
    trailers = them;
  });
  call.on('response', (answer, flags) => {
    // Whoever asked is gone: a worker that was killed while it waited for a task.
    if (stream.destroyed) {
      call.close();
      return;
    }
    const isWhole = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    stream.respond(answer, isWhole ? { endStream: true } : { waitForTrailers: true });
    if (!isWhole) call.pipe(stream);
  });
  stream.on('wantTrailers', () => {
    stream.sendTrailers(trailers);
  });
}
