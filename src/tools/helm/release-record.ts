import { gunzipSync } from 'node:zlib';
import { ownershipLabels } from '../../domain/names.js';
import type { HelmStatus, ObservedRelease } from '../../domain/release.js';
import { TracewrightError } from '../../domain/failure.js';
import type { Kubernetes } from '../kubernetes/connection.js';
import type { ObjectList, ObjectMeta } from '../kubernetes/objects.js';
import type { ReleaseRef } from '../../domain/release.js';

/** A release with what it put into the cluster. */
export interface ReleaseRecord extends ObservedRelease {
  /** Rendered, without hooks. */
  readonly manifest: string;
  /**
   * By the cluster's clock, ISO 8601: when helm began to install it. Absent when it no longer keeps the first revision.
   */
  readonly begunAt?: string;
  readonly hooks: readonly { readonly kind: string; readonly name: string; readonly manifest: string }[];
}

interface ReleaseSecret {
  readonly metadata: ObjectMeta;
  readonly data: { readonly release: string };
}

/** What of helm's stored JSON is read here; the same in helm 3 and 4. */
interface StoredRelease {
  readonly info: {
    readonly status: HelmStatus;
    readonly last_deployed?: string;
    readonly description?: string;
  };
  readonly chart: { readonly metadata: { readonly name: string; readonly version: string } };
  readonly config?: Record<string, unknown>;
  readonly manifest: string;
  readonly hooks?: readonly { readonly kind: string; readonly name: string; readonly manifest: string }[];
}

/** Labels that helm itself puts on its Secrets. */
const helmLabels = new Set(['owner', 'name', 'status', 'version', 'modifiedAt', 'createdAt']);

/**
 * The release as helm recorded it: a Secret per revision, of which only the newest is unpacked. `undefined` when there
 * is none. One request, some milliseconds; no helm is run.
 */
export async function observeRelease(
  kube: Kubernetes,
  { namespace, name }: ReleaseRef,
  signal?: AbortSignal,
): Promise<ReleaseRecord | undefined> {
  const list = await kube.json<ObjectList<ReleaseSecret>>({
    path: `/api/v1/namespaces/${namespace}/secrets`,
    query: { labelSelector: `owner=helm,name=${name}` },
    signal,
  });
  const revisions = (list.items ?? [])
    .map((secret) => ({
      secret,
      revision: Number(secret.metadata.labels?.version),
      status: secret.metadata.labels?.status as HelmStatus,
    }))
    .filter(({ revision }) => Number.isInteger(revision))
    .sort((a, b) => a.revision - b.revision);
  const newest = revisions.at(-1);
  if (!newest) return undefined;
  const stored = unpack(newest.secret, namespace, name);
  const begunAt = revisions.find(({ revision }) => revision === 1)?.secret.metadata.creationTimestamp;
  return {
    namespace,
    name,
    status: stored.info.status,
    revision: newest.revision,
    chart: { name: stored.chart.metadata.name, version: stored.chart.metadata.version },
    values: stored.config ?? {},
    labels: Object.fromEntries(
      Object.entries(newest.secret.metadata.labels ?? {}).filter(([key]) => !helmLabels.has(key)),
    ),
    lastDeployed: stored.info.last_deployed ?? '',
    description: stored.info.description ?? '',
    history: revisions.map(({ secret, revision, status }) => ({
      revision,
      status,
      fingerprint: secret.metadata.labels?.[ownershipLabels.fingerprint],
    })),
    manifest: stored.manifest,
    hooks: stored.hooks ?? [],
    ...(begunAt !== undefined && { begunAt }),
  };
}

/** Base64 of the Secret, base64 of helm, gzip, JSON. */
function unpack(secret: ReleaseSecret, namespace: string, name: string): StoredRelease {
  try {
    const packed = Buffer.from(Buffer.from(secret.data.release, 'base64').toString('latin1'), 'base64');
    // Helm wrote without gzip once, and still reads it.
    const json = packed[0] === 0x1f && packed[1] === 0x8b ? gunzipSync(packed) : packed;
    const stored = JSON.parse(json.toString('utf8')) as StoredRelease;
    const { info, chart, manifest } = stored;
    const texts: unknown[] = [info.status, chart.metadata.name, chart.metadata.version, manifest];
    if (texts.every((text) => typeof text === 'string')) return stored;
    throw new Error('it is no release');
  } catch (cause) {
    throw new TracewrightError({
      type: 'release.failed',
      message: `The record ${secret.metadata.name} of the Helm release ${namespace}/${name} cannot be read: ${(cause as Error).message}.`,
      remedy: `Delete that Secret if the release is broken: kubectl -n ${namespace} delete secret ${secret.metadata.name}`,
      cause,
      retryable: false,
    });
  }
}
