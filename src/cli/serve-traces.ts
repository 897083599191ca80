import { fileURLToPath } from 'node:url';
import { TracewrightError } from '../domain/failure.js';
import { tracesPage } from '../domain/stack.js';
import { createApi } from '../page/api.js';
import { servePage, type ServedPage } from '../page/server.js';
import { storeTitle } from '../proof/cluster-access.js';
import { hotrodCustomers } from '../proof/hotrod.js';
import { throughGrafana } from '../proof/grafana.js';
import type { CliContext } from './context.js';
import { look } from './follow.js';
import { statusView } from './views/status-view.js';
import type { EnvironmentCluster } from './with-cluster.js';

/** The built page. */
export const pageFolder = fileURLToPath(new URL('../../dist/page/app', import.meta.url));

/** The first port to try: no other program of note has it. */
const localPort = 7300;
const loopback: readonly string[] = ['127.0.0.1', 'localhost'];

/**
 * Serves the page that explores the traces of an environment.
 * @throws TracewrightError `usage.invalid` for an address that others can reach, `port.taken`, `cluster.*`
 */
export async function serveTraces(
  { version }: CliContext,
  it: EnvironmentCluster,
  { address, port }: { readonly address: string; readonly port?: number },
): Promise<ServedPage> {
  if (!loopback.includes(address)) {
    throw new TracewrightError({
      type: 'usage.invalid',
      message: `The page ${tracesPage} is for this machine only, and not to be served on ${address}.`,
      remedy: 'Leave out --address. From another machine: ssh -L with the same port on both sides.',
    });
  }
  const { session, environment } = it;
  const { name: stack, proof } = it.spec.stack;
  const cluster = it.kube();
  const store = storeTitle(proof.tempo);
  return servePage({
    port: port ?? localPort,
    fixed: port !== undefined,
    folder: pageFolder,
    api: createApi({
      kube: throughGrafana(cluster, proof, cluster),
      spec: proof,
      facts: {
        environment,
        stack,
        store,
        traceql: proof.traceql.trim(),
        customers: Object.entries(hotrodCustomers).map(([id, name]) => ({ id: Number(id), name })),
        madeBy: `Tracewright ${version}`,
      },
      status: async () => statusView(await look(session.client, environment), store, Date.now()),
    }),
  });
}
