import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../../src/tools/process.js';
import { createCli, type Cli } from '../../e2e/cli.js';
import { makeCertificates } from '../certificates.js';
import { writeChart } from '../chart.js';
import { startChartServer, type ChartServer } from '../chart-server.js';
import { stackText } from '../compose/cluster.js';
import { workerImageFolder } from '../docker/worker-image.js';
import { startGrpcGateway } from '../grpc-gateway.js';
import { testHelms } from '../helm.js';
import { writeOverlays } from './overlays.js';
import { WorkerCluster } from './worker-cluster.js';

/** Of the Temporal server. */
export const temporalNamespace = 'tracing';

/**
 * What a team has that runs the worker as a pod: a Temporal server that asks for an API key, a cluster, the image of the
 * worker, a chart repository, a laptop. The gateway is a stand-in for the door of the server.
 */
export interface KubernetesBed {
  readonly cluster: WorkerCluster;
  /** On the laptop. */
  readonly cli: Cli;
  readonly charts: ChartServer;
  /** Of the overlays. */
  readonly folder: string;
  /** Writes a stack that the worker's image can install. @returns its path */
  readonly writeStack: (name: string) => Promise<string>;
  readonly close: () => Promise<void>;
}

/** @param server `host:port` of a Temporal server */
export async function openKubernetesBed(server: string): Promise<KubernetesBed> {
  const folder = await mkdtemp(join(tmpdir(), 'tracewright-pods-'));
  const closers: (() => Promise<void> | void)[] = [() => rm(folder, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const cluster = new WorkerCluster(join(folder, 'cluster'), await workerImageFolder());
    closers.push(() => cluster.remove());
    await cluster.create();
    const [certificates, apiKey] = [makeCertificates(), randomBytes(12).toString('hex')];
    const gateway = await startGrpcGateway(server, { certificates, apiKey });
    closers.push(gateway.close);
    const charts = await startCharts(folder);
    closers.push(() => {
      charts.close();
    });
    await writeOverlays(folder, {
      apiKey,
      payloadKeys: `first ${randomBytes(32).toString('base64')}\n`,
      address: await cluster.reach(portOf(gateway.address)),
      authority: certificates.root,
      profile: 'server_name = "localhost"',
    });
    const repository = `http://${await cluster.reach(portOf(new URL(charts.repository).host))}/charts`;
    return {
      ...{ cluster, charts, folder, close },
      cli: createCli(join(folder, 'laptop'), {
        TEMPORAL_ADDRESS: gateway.address,
        TEMPORAL_NAMESPACE: temporalNamespace,
        TEMPORAL_API_KEY: apiKey,
        TEMPORAL_TLS_SERVER_CA_CERT_PATH: join(folder, 'secrets/ca.pem'),
        TRACEWRIGHT_PAYLOAD_KEYS: join(folder, 'secrets/payload-keys'),
      }),
      writeStack: async (name) => {
        const file = join(folder, `${name}.yaml`);
        await writeFile(file, await stackText(name, { repository, name: 'demo', version: '1.2.3' }));
        return file;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startCharts(folder: string): Promise<ChartServer> {
  const chart = await writeChart(join(folder, 'demo'));
  await run(testHelms[0]?.binary ?? 'helm', ['package', chart, '--destination', folder]);
  const charts = await startChartServer();
  charts.publish({
    name: 'demo',
    version: '1.2.3',
    archive: await readFile(join(folder, 'demo-1.2.3.tgz')),
  });
  return charts;
}

function portOf(address: string): number {
  return Number(address.split(':')[1]);
}
