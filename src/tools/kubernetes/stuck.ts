import { TracewrightError } from '../../domain/failure.js';
import { ApiError } from './api-error.js';
import { listApiResources } from './discovery.js';
import type { Kubernetes } from './connection.js';
import { instancesOf } from './definitions.js';
import { describe, type Condition, type KubernetesObject, type ObjectReference } from './objects.js';
import { listOf } from './observe.js';

/** So many are named; what is wrong shows in them. */
const named = 5;

const noController =
  'The controller that must do the finalizer is gone or cannot reach the API server: bring it back, or remove the finalizer';

/** An API service that the cluster lists and that does not answer: as long as it is so, no namespace can be emptied. */
export interface SilentService {
  /** `v1beta1.metrics.k8s.io` */
  readonly name: string;
  /** In Kubernetes's words. */
  readonly reason: string;
}

/**
 * The failure of an object that was deleted and is still there, with the names of what holds it: its finalizers, what
 * is left in a namespace or of a custom kind, API services that do not answer.
 * @param last the object, as it was seen last
 */
export async function stuckFailure(
  kube: Kubernetes,
  reference: ObjectReference,
  last: KubernetesObject | undefined,
  timeoutMs: number,
): Promise<TracewrightError> {
  // What cannot be looked at cannot be named: the failure itself must not be lost over it.
  const { held, silent } = await inside(kube, reference, last).catch(() => nothing);
  const own = last && held.length === 0 ? [last] : [];
  const reasons = [
    ...silent.map(({ name, reason }) => `the API service ${name} does not answer (${reason})`),
    ...(held.length > 0 ? [`it waits for ${held.slice(0, named).map(withFinalizers).join(', ')}`] : []),
    ...own.filter(isHeld).map((object) => `its finalizers are not done: ${finalizersOf(object).join(', ')}`),
  ];
  const undeleted = last?.metadata.deletionTimestamp === undefined ? ' It was not even asked to go.' : '';
  const seconds = String(Math.round(timeoutMs / 1000));
  return new TracewrightError({
    type: 'removal.stuck',
    message: `${describe(reference)} is still there after ${seconds} s: ${reasons.join('; ') || 'nothing tells why'}.${undeleted}`,
    remedy: silent.length > 0 ? silentRemedy(silent) : finalizerRemedy([...held, ...own].find(isHeld)),
    evidence: conditionsOf(last)
      .filter(({ status }) => status === 'True')
      .map(({ type, message }) => `${type}: ${message ?? ''}`),
  });
}

/** @throws TracewrightError `removal.stuck` when an API service does not answer: namespaces would stay half deleted */
export async function requireAnswers(kube: Kubernetes, silent: readonly string[]): Promise<void> {
  if (silent.length === 0) return;
  const services = await silentServices(kube, silent);
  const [first] = services;
  throw new TracewrightError({
    type: 'removal.stuck',
    message:
      `The namespaces cannot be deleted while the API service ${first?.name ?? ''} does not answer ` +
      `(${first?.reason ?? ''}): Kubernetes would leave them half deleted.`,
    remedy: silentRemedy(services),
    evidence: services.map(({ name, reason }) => `${name}: ${reason}`),
  });
}

interface Inside {
  readonly held: readonly KubernetesObject[];
  readonly silent: readonly SilentService[];
}
const nothing: Inside = { held: [], silent: [] };

async function inside(
  kube: Kubernetes,
  { kind, name }: ObjectReference,
  last: KubernetesObject | undefined,
): Promise<Inside> {
  if (kind === 'CustomResourceDefinition')
    return { held: last ? await instancesOf(kube, last, { limit: named }) : [], silent: [] };
  if (kind !== 'Namespace') return nothing;
  const { resources, silent } = await listApiResources(kube);
  const lists = await Promise.all(
    resources
      .filter((resource) => resource.namespaced)
      .map((resource) => listOf(kube, resource, { namespace: name }).catch(() => [])),
  );
  const left = lists.flat().filter((object) => object.kind !== 'Event');
  const stopped = left.filter(isHeld);
  return { held: stopped.length > 0 ? stopped : left, silent: await silentServices(kube, silent) };
}

/** Why the cluster itself says that these versions of API groups do not answer. */
async function silentServices(kube: Kubernetes, versions: readonly string[]): Promise<SilentService[]> {
  return Promise.all(
    versions.map(async (groupVersion) => {
      const [group, version] = groupVersion.split('/');
      const name = `${version ?? ''}.${group ?? ''}`;
      const path = `/apis/apiregistration.k8s.io/v1/apiservices/${name}`;
      const service = await kube.json<KubernetesObject>({ path }).catch((error: unknown) => {
        if (error instanceof ApiError) return undefined;
        throw error;
      });
      const available = conditionsOf(service).find(({ type }) => type === 'Available');
      return { name, reason: available?.message ?? 'no reason given' };
    }),
  );
}

function silentRemedy(services: readonly SilentService[]): string {
  const names = services.map(({ name }) => name).join(' ');
  return `Bring back what serves it, or, if it is gone for good, unregister it: kubectl delete apiservice ${names}`;
}

function finalizerRemedy(object: KubernetesObject | undefined): string {
  if (!object) return `${noController}.`;
  const { namespace, name } = object.metadata;
  const place = namespace === undefined ? '' : ` -n ${namespace}`;
  return `${noController}: kubectl${place} patch ${kindForKubectl(object)} ${name} --type=merge -p '{"metadata":{"finalizers":null}}'`;
}

/** `opentelemetrycollector.opentelemetry.io`: names are not unique among groups. */
function kindForKubectl({ apiVersion, kind }: KubernetesObject): string {
  const group = apiVersion.includes('/') ? `.${apiVersion.split('/')[0] ?? ''}` : '';
  return `${kind.toLowerCase()}${group}`;
}

const isHeld = (object: KubernetesObject): boolean => finalizersOf(object).length > 0;

function finalizersOf({ kind, metadata, spec }: KubernetesObject): readonly string[] {
  const ofSpec =
    kind === 'Namespace' ? (spec as { finalizers?: string[] } | undefined)?.finalizers : undefined;
  return [...(metadata.finalizers ?? []), ...(ofSpec ?? [])];
}

function withFinalizers(object: KubernetesObject): string {
  return isHeld(object)
    ? `${describe(object)}, whose finalizers are not done: ${finalizersOf(object).join(', ')}`
    : describe(object);
}

function conditionsOf(object: KubernetesObject | undefined): readonly Condition[] {
  return (object?.status as { conditions?: Condition[] } | undefined)?.conditions ?? [];
}
