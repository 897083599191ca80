import type { EnvironmentSpec } from '../../domain/progress.js';
import { releaseName } from '../../domain/release.js';
import { observeRelease } from '../../tools/helm/release-record.js';
import type { Kubernetes } from '../../tools/kubernetes/connection.js';
import { isSecretName } from '../../tools/redact.js';
import { secretsIn } from './secrets.js';
import { listApiResources } from '../../tools/kubernetes/discovery.js';
import type { ClusterEvent, ObjectList, Pod } from '../../tools/kubernetes/objects.js';
import { listOf } from '../../tools/kubernetes/observe.js';
import { selectorOf } from '../../tools/kubernetes/ownership.js';
import { containersOf, openLog } from '../../tools/kubernetes/logs.js';
import { activityOf, timeOf, troubleOf } from '../../tools/kubernetes/ready/pods.js';
import { logFile, readEnd, toRead } from './logs.js';
import type { DiagFile, Part } from './part.js';

/** What of the cluster is the environment's. */
export interface Scope {
  readonly kube: Kubernetes;
  /** All in them is ours. */
  readonly namespaces: readonly string[];
  readonly pods: readonly Pod[];
}

/**
 * A shorter value under a name that does not say "secret" is a setting or a name, and a word of other texts. In
 * characters.
 */
const telling = 8;

/** Only to know what must not stand anywhere. */
export function secretsPart({ kube, namespaces }: Scope): Part {
  return {
    what: 'the contents of Secrets, which would be looked for in all files to hide them',
    limitMs: 15_000,
    collect: async (signal) => {
      const lists = await Promise.all(
        namespaces.map((namespace) =>
          kube.json<ObjectList<{ type?: string; data?: Record<string, string> }>>({
            path: `/api/v1/namespaces/${namespace}/secrets`,
            signal,
          }),
        ),
      );
      const secrets = lists
        .flatMap(({ items }) => items ?? [])
        .filter(({ type }) => type !== 'helm.sh/release.v1')
        .flatMap(({ data = {} }) => Object.entries(data))
        .filter(([key]) => !/^(?:namespace|(?:ca|tls)\.crt)$/u.test(key))
        .map(([key, text]) => [key, Buffer.from(text, 'base64').toString('utf8')] as const)
        .filter(([key, value]) => isSecretName(key) || value.length >= telling)
        .map(([, value]) => value);
      return { secrets: secretsIn(secrets.map((value) => ({ name: 'secret', value }))) };
    },
  };
}

/** The Helm releases of the stack, without their values. */
export function releasesPart({ kube }: Scope, spec: EnvironmentSpec | undefined): Part {
  return {
    what: 'the Helm releases',
    limitMs: 15_000,
    collect: async (signal) => {
      const wanted = Object.entries(spec?.stack.components ?? {}).flatMap(([component, { release }]) =>
        release ? [{ namespace: release.namespace, name: releaseName(component, release) }] : [],
      );
      const content = await Promise.all(
        wanted.map(async (name) => {
          const found = await observeRelease(kube, name, signal);
          if (!found) return { ...name, status: 'not installed' };
          const { status, revision, chart, lastDeployed, description, history } = found;
          return { ...name, status, revision, chart, lastDeployed, description, history };
        }),
      );
      const what = 'the Helm releases: chart, version, status, revisions; no values';
      return { files: [{ path: 'cluster/releases.json', what, content }] };
    },
  };
}

/** The events, and the pods with what the events say of why they are not ready. */
export function eventsPart({ kube, namespaces, pods }: Scope): Part {
  return {
    what: 'the events and the states of the pods',
    limitMs: 20_000,
    collect: async (signal) => {
      const shared = pods.map(({ metadata }) => metadata.namespace ?? '');
      const lists = await Promise.all(
        [...new Set([...namespaces, ...shared])].map(async (namespace) => {
          const path = `/api/v1/namespaces/${namespace}/events`;
          return (await kube.json<ObjectList<ClusterEvent>>({ path, signal })).items ?? [];
        }),
      );
      const ours = new Set(pods.map(({ metadata }) => metadata.uid));
      const events = lists
        .flat()
        .filter(
          ({ metadata, involvedObject }) =>
            namespaces.includes(metadata.namespace ?? '') || ours.has(involvedObject.uid),
        )
        .sort((a, b) => timeOf(a) - timeOf(b));
      const states = pods.map((pod) =>
        stateOf(
          pod,
          events.filter(({ involvedObject }) => involvedObject.uid === pod.metadata.uid),
        ),
      );
      return {
        files: [
          {
            path: 'cluster/pods.json',
            what: 'each pod: containers, restarts, why it is not ready',
            content: states,
          },
          {
            path: 'cluster/events.txt',
            what: "the cluster's events, the oldest first",
            content: events.map(eventLine).join(''),
          },
        ],
      };
    },
  };
}

/** What there is, by name: metadata only, so that no contents of Secrets or ConfigMaps are even asked for. */
export function objectsPart({ kube, namespaces, pods }: Scope, environment: string): Part {
  return {
    what: 'the list of objects',
    limitMs: 30_000,
    collect: async (signal) => {
      const { resources } = await listApiResources(kube, signal);
      const kinds = resources.filter(({ kind, namespaced }) => namespaced && kind !== 'Event');
      const shared = pods.map(({ metadata }) => metadata.namespace ?? '');
      const labelSelector = selectorOf({ environment });
      const lists = await Promise.all(
        [...new Set([...namespaces, ...shared])].flatMap((namespace) =>
          kinds.map((kind) =>
            listOf(kube, kind, {
              namespace,
              signal,
              ...(!namespaces.includes(namespace) && { labelSelector }),
            }),
          ),
        ),
      );
      const lines = lists.flat().map(({ kind, metadata }) => {
        const { namespace = '', name, creationTimestamp = '', deletionTimestamp, finalizers = [] } = metadata;
        const going =
          deletionTimestamp === undefined ? '' : `  being deleted, held by ${finalizers.join(', ')}`;
        return `${namespace}  ${kind}/${name}  ${creationTimestamp}${going}`;
      });
      const content = `${lines.sort().join('\n')}\n`;
      return {
        files: [{ path: 'cluster/objects.txt', what: 'the objects in our namespaces, by name', content }],
      };
    },
  };
}

/** The end of each container's log, and of its last run where it has restarted. */
export function logParts({ kube, pods }: Scope): Part[] {
  return pods.map((pod) => {
    const { namespace = '', name } = pod.metadata;
    return {
      what: `the logs of the pod ${namespace}/${name}`,
      limitMs: 20_000,
      collect: async (signal) => {
        const files: DiagFile[] = [];
        for (const container of containersOf(pod)) {
          const restarts =
            pod.status?.containerStatuses?.find((it) => it.name === container)?.restartCount ?? 0;
          for (const previous of restarts > 0 ? [false, true] : [false]) {
            // Not by limitBytes of the API: with tailLines it would leave out the end.
            const wanted = { previous, tailLines: toRead.lines };
            const stream = await openLog(kube, { pod, container }, wanted, signal);
            if (!stream) continue;
            const path = `cluster/logs/${namespace}/${name}/${container}${previous ? '.previous' : ''}.log`;
            const whose = `${container}${previous ? ', of its last run' : ''}`;
            files.push(logFile(path, whose, await readEnd(stream)));
          }
        }
        return { files };
      },
    };
  });
}

function stateOf(pod: Pod, events: readonly ClusterEvent[]): unknown {
  const { metadata, spec, status } = pod;
  const { namespace, name, creationTimestamp, deletionTimestamp } = metadata;
  return {
    namespace,
    name,
    phase: status?.phase,
    why: activityOf(pod, events),
    trouble: troubleOf(pod, events),
    creationTimestamp,
    deletionTimestamp,
    images: spec.containers.map(({ image }) => image),
    conditions: status?.conditions,
    containers: [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].map(
      (it) => ({
        name: it.name,
        ready: it.ready,
        restarts: it.restartCount,
        state: it.state,
        lastState: it.lastState,
      }),
    ),
  };
}

function eventLine(event: ClusterEvent): string {
  const { metadata, involvedObject, type = '', reason = '', message = '', count = 1 } = event;
  const at = new Date(timeOf(event)).toISOString();
  const about = `${metadata.namespace ?? ''} ${involvedObject.kind ?? ''}/${involvedObject.name ?? ''}`;
  const often = count > 1 ? ` (${String(count)} times)` : '';
  return `${at}  ${type}  ${about}  ${reason}${often}: ${message.replace(/\s+/gu, ' ').trim()}\n`;
}
