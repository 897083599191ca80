import { TracewrightError } from '../../domain/failure.js';
import { ownershipLabels } from '../../domain/names.js';
import type { KubernetesObjectSpec } from '../../domain/stack.js';
import { deadlineIn, type Deadline } from '../../domain/time-limits.js';
import { ApiError, isApiError, webhookFailure } from './api-error.js';
import type { Kubernetes } from './connection.js';
import { waitEstablished } from './definitions.js';
import { ensureNamespace } from './namespaces.js';
import { describe, type KubernetesObject, type ObjectReference } from './objects.js';
import { readObject } from './observe.js';
import { labelsOf, ownershipOf, type Owner } from './ownership.js';
import { waitUntilGone } from './removal.js';
import { serverSideApply } from './server-side-apply.js';

export const fieldManager = 'tracewright';

export interface ApplyOptions {
  readonly objects: readonly KubernetesObjectSpec[];
  /** For the objects that name none themselves; made when it does not exist. */
  readonly namespace: string;
  readonly owner: Owner;
  /** Take over objects that exist without any environment's label. @default false */
  readonly adopt?: boolean;
  /** Ask the API server and its webhooks, change nothing; namespaces must exist then. @default false */
  readonly dryRun?: boolean;
  /** Of what is waited for: namespaces and objects that are going, definitions that come. @default in 5 minutes */
  readonly deadline?: Deadline | undefined;
  /** For one answer, in milliseconds. @default that of all requests */
  readonly answerMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface AppliedObject {
  readonly reference: ObjectReference;
  readonly outcome: 'created' | 'changed' | 'unchanged';
}

/**
 * Brings the objects about by server-side apply: namespaces first, then CustomResourceDefinitions (and waits until they
 * are served), then all others at once. May be repeated at any time.
 * @throws TracewrightError `manifest.foreign`, `manifest.rejected`, `manifest.not-served`, `webhook.unavailable`,
 * `removal.stuck` of what was there before, `cluster.unreachable`
 */
export async function applyObjects(kube: Kubernetes, given: ApplyOptions): Promise<AppliedObject[]> {
  const options = { ...given, deadline: given.deadline ?? deadlineIn(300_000) };
  const { objects, namespace, owner, dryRun = false, deadline, signal } = options;
  if (!dryRun) await ensureNamespace(kube, { name: namespace, owner, deadline, signal });
  const applied: AppliedObject[] = [];
  for (const stage of stagesOf(objects)) {
    applied.push(...(await Promise.all(stage.map((object) => applyObject(kube, object, options)))));
    const definitions = stage
      .filter(({ kind }) => kind === 'CustomResourceDefinition')
      .map(({ metadata }) => metadata.name);
    if (!dryRun && definitions.length > 0) await waitEstablished(kube, definitions, { deadline, signal });
  }
  return applied;
}

/** Where the objects of a manifest go, without asking the cluster whether their kinds have namespaces. */
export async function referencesOf(
  kube: Kubernetes,
  objects: readonly KubernetesObjectSpec[],
  namespace: string,
  signal?: AbortSignal,
): Promise<ObjectReference[]> {
  return Promise.all(
    objects.map(async ({ apiVersion, kind, metadata }) => {
      const resource = await kube.discovery.find(apiVersion, kind, signal);
      const place = resource?.namespaced === false ? undefined : (metadata.namespace ?? namespace);
      return { apiVersion, kind, name: metadata.name, namespace: place };
    }),
  );
}

function stagesOf(objects: readonly KubernetesObjectSpec[]): KubernetesObjectSpec[][] {
  const stage = ({ kind }: KubernetesObjectSpec): number =>
    kind === 'Namespace' ? 0 : kind === 'CustomResourceDefinition' ? 1 : 2;
  return [0, 1, 2]
    .map((number) => objects.filter((object) => stage(object) === number))
    .filter(({ length }) => length > 0);
}

async function applyObject(
  kube: Kubernetes,
  object: KubernetesObjectSpec,
  options: ApplyOptions,
): Promise<AppliedObject> {
  const { namespace, owner, adopt = false, dryRun, answerMs, signal } = options;
  const resource = await kube.discovery.resource(object.apiVersion, object.kind, signal);
  const place = resource.namespaced ? (object.metadata.namespace ?? namespace) : undefined;
  const reference: ObjectReference = {
    apiVersion: object.apiVersion,
    kind: object.kind,
    name: object.metadata.name,
    namespace: place,
  };
  const before = await presentObject(kube, reference, options);
  requireOurs(reference, before, { owner, adopt });
  const metadata = {
    ...object.metadata,
    labels: { ...(object.metadata.labels as Record<string, string> | undefined), ...labelsOf(owner) },
  };
  try {
    const wanted = { ...object, metadata };
    const after = await serverSideApply(kube, wanted, reference, { fieldManager, dryRun, answerMs, signal });
    return { reference, outcome: outcomeOf(before, after) };
  } catch (error) {
    throw applyFailure(error, reference);
  }
}

/** The object, unless it is being deleted: then it is waited for, as it would take what is applied along. */
async function presentObject(
  kube: Kubernetes,
  reference: ObjectReference,
  { dryRun = false, deadline, signal }: Pick<ApplyOptions, 'dryRun' | 'deadline' | 'signal'>,
): Promise<KubernetesObject | undefined> {
  const found = await readObject(kube, reference, signal);
  if (found?.metadata.deletionTimestamp === undefined || dryRun) return found;
  await waitUntilGone(kube, [reference], { timeoutMs: Infinity, deadline, signal });
  return readObject(kube, reference, signal);
}

function outcomeOf(before: KubernetesObject | undefined, after: KubernetesObject): AppliedObject['outcome'] {
  if (!before) return 'created';
  if (before.metadata.resourceVersion !== after.metadata.resourceVersion) return 'changed';
  // A dry run keeps the version even when it would change something.
  return before.metadata.generation === after.metadata.generation ? 'unchanged' : 'changed';
}

/**
 * Passes when there is no such object, when it is ours, or may be taken over.
 * @throws TracewrightError `manifest.foreign`
 */
export function requireOurs(
  reference: ObjectReference,
  existing: KubernetesObject | undefined,
  { owner, adopt }: { readonly owner: Owner; readonly adopt: boolean },
): void {
  if (!existing || ownershipOf(existing.metadata, owner) === 'ours') return;
  const other = existing.metadata.labels?.[ownershipLabels.environment];
  // What belongs to another environment would go with that one, under our feet: nobody can consent to it here.
  if (adopt && other === undefined) return;
  throw new TracewrightError({
    type: 'manifest.foreign',
    message:
      other === undefined
        ? `${describe(reference)} exists already, and Tracewright did not make it.`
        : `${describe(reference)} belongs to the environment "${other}".`,
    remedy:
      other === undefined
        ? 'Delete it, give yours another name, or take it over with --adopt.'
        : 'Give yours another name or namespace, or take that environment down first.',
  });
}

/** What the API server's refusal of an object means. */
export function applyFailure(error: unknown, reference: ObjectReference): unknown {
  if (!(error instanceof ApiError)) return error;
  const what = describe(reference);
  const webhook = webhookFailure(error.detail, `The API server does not take ${what}`);
  if (webhook) return webhook;
  const denied = /^admission webhook "[^"]+" denied the request/u.test(error.detail);
  const terminating = error.causes.includes('NamespaceTerminating');
  if (!denied && !terminating && !isApiError(error, 400, 404, 409, 413, 415, 422)) return error;
  // Its namespace or its kind has just gone or is going, or somebody wrote the object at the same time.
  const transient = terminating || isApiError(error, 404, 409);
  return new TracewrightError({
    type: 'manifest.rejected',
    message: `The API server refuses ${what}: ${error.detail}`,
    remedy: transient
      ? 'Somebody else is changing it or its namespace at the moment; the step is tried again.'
      : 'Correct the object in the stack file.',
    cause: error,
    retryable: transient,
  });
}
