import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** What a server does instead of giving a chart's archive. */
export type Mischief = 'half' | 'cut-off' | 'page' | 'hang' | { readonly status: number };

export interface ChartServer {
  readonly repository: string;
  /** The prefix of its charts, `oci://…/charts`. */
  readonly oci: string;
  /** Paths that were asked for. */
  readonly requests: string[];
  /** From now on; `undefined` for the plain truth. */
  mischief: Mischief | undefined;
  publish(chart: PublishedChart): void;
  close(): void;
}

export interface PublishedChart {
  readonly name: string;
  readonly version: string;
  readonly archive: Buffer;
}

const types = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.cncf.helm.config.v1+json',
  chart: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
};

export const digestOf = (data: Buffer | string): string =>
  `sha256:${createHash('sha256').update(data).digest('hex')}`;

/**
 * One server on the loopback that is both: an HTTP chart repository, and an OCI registry that holds the same charts.
 */
export async function startChartServer(): Promise<ChartServer> {
  const charts: PublishedChart[] = [];
  const server: Server = createServer((request, response) => {
    const path = request.url ?? '';
    it.requests.push(path);
    const chart = charts.findLast(({ name, version }) => path === `/charts/${name}-${version}.tgz`);
    if (path === '/charts/index.yaml') response.end(indexOf(charts));
    else if (chart) send(chart.archive, it.mischief, response);
    else if (path.startsWith('/v2/')) answerOci(charts, it.mischief, request, response);
    else response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const it: ChartServer = {
    repository: `http://${host}/charts`,
    oci: `oci://${host}/charts`,
    requests: [],
    mischief: undefined,
    publish: (chart) => charts.push(chart),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return it;
}

function indexOf(charts: readonly PublishedChart[]): string {
  const entries: Record<string, unknown[]> = {};
  for (const { name, version } of charts)
    (entries[name] ??= []).push({ apiVersion: 'v2', name, version, urls: [`${name}-${version}.tgz`] });
  return JSON.stringify({ apiVersion: 'v1', entries });
}

function send(archive: Buffer, mischief: Mischief | undefined, response: ServerResponse): void {
  const half = archive.subarray(0, archive.length / 2);
  if (mischief === undefined) response.end(archive);
  else if (typeof mischief === 'object') response.writeHead(mischief.status).end();
  else if (mischief === 'half') response.end(half);
  else if (mischief === 'page') response.end('<html>Please log in</html>');
  else if (mischief === 'cut-off')
    response
      .writeHead(200, { 'content-length': archive.length })
      .write(half, () => setTimeout(() => response.destroy(), 20));
}

function answerOci(
  charts: readonly PublishedChart[],
  mischief: Mischief | undefined,
  { url = '', method }: IncomingMessage,
  response: ServerResponse,
): void {
  const [, name, kind, reference] = /^\/v2\/charts\/([^/]+)\/(manifests|blobs)\/(.+)$/u.exec(url) ?? [];
  const parts = charts.filter((chart) => chart.name === name).flatMap(ociParts);
  const part = parts.findLast(
    ({ digest, tag }) => reference === digest || (kind === 'manifests' && reference === tag),
  );
  if (url === '/v2/') response.end();
  else if (!part) response.writeHead(404).end(JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN' }] }));
  else if (part.type === types.chart && mischief !== undefined) send(part.data, mischief, response);
  else {
    response.writeHead(200, {
      'content-type': part.type,
      'content-length': part.data.length,
      'docker-content-digest': part.digest,
    });
    response.end(method === 'HEAD' ? undefined : part.data);
  }
}

/** The manifest, the configuration and the archive of a chart, as `helm push` makes them. */
function ociParts({ name, version, archive }: PublishedChart) {
  const config = Buffer.from(JSON.stringify({ apiVersion: 'v2', name, version }));
  const layer = (mediaType: string, data: Buffer) => ({
    mediaType,
    digest: digestOf(data),
    size: data.length,
  });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: types.manifest,
      config: layer(types.config, config),
      layers: [layer(types.chart, archive)],
    }),
  );
  const part = (type: string, data: Buffer, tag?: string) => ({ type, data, digest: digestOf(data), tag });
  return [part(types.manifest, manifest, version), part(types.config, config), part(types.chart, archive)];
}
