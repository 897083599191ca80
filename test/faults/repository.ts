import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { run } from '../../src/tools/process.js';
import { testHelms } from '../support/helm.js';
import { writeChart } from '../support/chart.js';

export const ailments = ['hangs', 'is cut short', 'answers 500', 'answers 429'] as const;
export type Ailment = (typeof ailments)[number];

/**
 * So many answers of each ailing repository are bad before it is well. A hang takes helm its whole time limit: once.
 */
const badAnswers: Record<Ailment, number> = {
  hangs: 1,
  'is cut short': 2,
  'answers 500': 2,
  'answers 429': 2,
};

export interface Repositories {
  readonly url: (ailment: Ailment) => string;
  readonly close: () => Promise<void>;
}

/** Real chart repositories over HTTP, one an ailment, each with the chart `demo` 1.2.3. */
export async function startRepositories(folder: string): Promise<Repositories> {
  await writeChart(join(folder, 'demo'));
  await run(testHelms[0]?.binary ?? 'helm', ['package', join(folder, 'demo'), '--destination', folder]);
  const archive = await readFile(join(folder, 'demo-1.2.3.tgz'));
  const left = new Map<string, number>(Object.entries(badAnswers));
  const server = createServer((request, response) => {
    const [, place = '', file = ''] = (request.url ?? '').split('/');
    const ailment = ailments[Number(place)] ?? 'answers 500';
    const bad = left.get(ailment) ?? 0;
    const body = file === 'index.yaml' ? index : archive;
    // The index of a repository that is cut short is whole: it is the chart that does not arrive.
    if (bad > 0 && !(ailment === 'is cut short' && file === 'index.yaml')) {
      left.set(ailment, bad - 1);
      badly(ailment, response, body);
    } else response.end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const base = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  return {
    url: (ailment) => `${base}/${String(ailments.indexOf(ailment))}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function badly(ailment: Ailment, response: ServerResponse, body: Buffer | string): void {
  switch (ailment) {
    case 'hangs':
      return;
    case 'is cut short':
      response.writeHead(200, { 'content-length': body.length });
      response.write(body.slice(0, body.length / 2), () => response.destroy());
      return;
    case 'answers 500':
      response.writeHead(500).end('out of order');
      return;
    case 'answers 429':
      response.writeHead(429, { 'retry-after': '1' }).end('too many requests');
  }
}

const index = stringify({
  apiVersion: 'v1',
  entries: { demo: [{ apiVersion: 'v2', name: 'demo', version: '1.2.3', urls: ['demo-1.2.3.tgz'] }] },
});
