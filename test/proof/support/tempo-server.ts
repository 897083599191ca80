import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { ProofKube, ServiceAddress } from '../../../src/proof/cluster-access.js';
import { fixturePath, rideTraceId } from './fixtures.js';

export interface LocalServer {
  readonly url: string;
  readonly stop: () => void;
}

/** Gives again what a real Tempo answered about one ride. */
export async function startRecordedTempo(): Promise<LocalServer> {
  const trace = await readFile(fixturePath('hotrod-ride.tempo'));
  const search = await readFile(fixturePath('search.tempo'));
  return serve(({ url = '' }, response) => {
    if (url === '/api/echo') response.end('echo');
    else if (url === `/api/traces/${rideTraceId}`) response.end(trace);
    else if (url.startsWith('/api/search?')) response.end(search);
    else response.writeHead(404).end('trace not found');
  });
}

/** A Service of a real cluster on a port of this machine, for programs that are not in the cluster. */
export async function relayTo(kube: ProofKube, address: ServiceAddress): Promise<LocalServer> {
  return serve(({ url = '' }, response) => {
    void kube.serviceRequest(address, url).then(({ status, body }) => response.writeHead(status).end(body));
  });
}

async function serve(listener: RequestListener): Promise<LocalServer> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${String(port)}`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
