import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fixturePath, rideTraceId } from './fixtures.js';

/** Gives again what a real Tempo answered about one ride. */
export async function startRecordedTempo(): Promise<{ url: string; stop: () => void }> {
  const trace = await readFile(fixturePath('hotrod-ride.tempo'));
  const search = await readFile(fixturePath('search.tempo'));
  const server = createServer(({ url = '' }, response) => {
    if (url === '/api/echo') response.end('echo');
    else if (url === `/api/traces/${rideTraceId}`) response.end(trace);
    else if (url.startsWith('/api/search?')) response.end(search);
    else response.writeHead(404).end('trace not found');
  }).listen(0, '127.0.0.1');
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
