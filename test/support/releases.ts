import { gunzipSync, gzipSync } from 'node:zlib';
import type { ReconcileOptions } from '../../src/tools/helm/reconcile.js';
import type { Kubernetes } from '../../src/tools/kubernetes/connection.js';

let count = 0;

/** A release in a namespace of its own. */
export function freshRelease(
  changes: Pick<ReconcileOptions, 'kube' | 'helm' | 'chartPath'> & Partial<ReconcileOptions>,
): ReconcileOptions {
  count += 1;
  const name = `r${String(count)}`;
  return {
    namespace: name,
    name,
    values: { text: 'one' },
    environment: 'demo',
    component: 'plain',
    consent: 'own-cluster',
    ...changes,
  };
}

interface ReleaseSecret {
  readonly metadata: { readonly name: string; labels: Record<string, string> };
  data: { release: string };
}

interface StoredInfo {
  info: { status: string; last_deployed: string };
}

/** Helm's record of a revision. @param revision default: the newest */
export async function recordOf(
  kube: Kubernetes,
  { namespace, name }: Pick<ReconcileOptions, 'namespace' | 'name'>,
  revision?: number,
): Promise<ReleaseSecret> {
  const { items } = await kube.json<{ items: ReleaseSecret[] }>({
    path: `/api/v1/namespaces/${namespace}/secrets`,
    query: { labelSelector: `owner=helm,name=${name}` },
  });
  const numberOf = ({ metadata }: ReleaseSecret): number => Number(metadata.labels.version);
  const [newest] = items
    .filter((item) => revision === undefined || numberOf(item) === revision)
    .sort((a, b) => numberOf(b) - numberOf(a));
  if (!newest) throw new Error(`There is no record of ${namespace}/${name}.`);
  return newest;
}

/**
 * Writes another status into a record, as a killed helm leaves it.
 * @param at when helm last wrote it; @param revision default: the newest
 */
export async function setStatus(
  kube: Kubernetes,
  release: Pick<ReconcileOptions, 'namespace' | 'name'>,
  status: string,
  { at, revision }: { at?: Date; revision?: number } = {},
): Promise<void> {
  const newest = await recordOf(kube, release, revision);
  const inner = Buffer.from(Buffer.from(newest.data.release, 'base64').toString(), 'base64');
  const record = JSON.parse(gunzipSync(inner).toString()) as StoredInfo;
  record.info.status = status;
  if (at) record.info.last_deployed = at.toISOString();
  newest.metadata.labels.status = status;
  const packed = gzipSync(JSON.stringify(record)).toString('base64');
  newest.data.release = Buffer.from(packed).toString('base64');
  await putRecord(kube, release.namespace, newest);
}

export async function putRecord(kube: Kubernetes, namespace: string, record: ReleaseSecret): Promise<void> {
  await kube.json({
    method: 'PUT',
    path: `/api/v1/namespaces/${namespace}/secrets/${record.metadata.name}`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(record),
  });
}
