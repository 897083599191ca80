import { afterAll, beforeAll } from 'vitest';
import type { KubernetesObjectSpec, ReadyCheck } from '../../../../src/domain/stack.js';
import { applyObjects } from '../../../../src/tools/kubernetes/apply.js';
import type { Kubernetes } from '../../../../src/tools/kubernetes/connection.js';
import { waitReady, type WaitReadyOptions } from '../../../../src/tools/kubernetes/ready/wait-ready.js';
import { startApiServer, type ApiServer } from '../../../support/api-server.js';

export const owner = { environment: 'demo', component: 'web' };
export const nodeReady = { type: 'Ready', status: 'True', reason: 'KubeletReady' };
export const rollout: ReadyCheck = { rollout: 'Deployment/web' };

/** What a kubelet reports of a pod whose container runs and is ready. */
export const running = {
  phase: 'Running',
  conditions: [{ type: 'Ready', status: 'True' }],
  containerStatuses: [container({ running: {} }, { ready: true })],
};

/** The status of a container in this state. */
export function container(state: object, more: object = {}): object {
  return {
    name: 'web',
    image: 'example.invalid/web:1',
    imageID: '',
    ready: false,
    restartCount: 0,
    state,
    ...more,
  };
}

/** A Deployment `web` of one container. */
export function deployment(
  replicas: number,
  image = 'example.invalid/web:1',
  more: object = {},
  tolerations: readonly object[] = [{ operator: 'Exists' }],
): KubernetesObjectSpec {
  const labels = { app: 'web' };
  const containers = [{ name: 'web', image, ...more }];
  const spec = {
    replicas,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers, tolerations } },
  };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec };
}

export interface PodName {
  readonly metadata: { readonly name: string; readonly uid: string; readonly creationTimestamp: string };
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
}

/** An API server with real controllers and a real scheduler; only the kubelet's reports are written by the test. */
export class ReadyBed {
  private started: ApiServer | undefined;
  private count = 0;

  get server(): ApiServer {
    if (!this.started) throw new Error('The API server of these tests has not started yet.');
    return this.started;
  }

  get kube(): Kubernetes {
    return this.server.kube;
  }

  async start(): Promise<void> {
    this.started = await startApiServer({ controllers: true, scheduler: true });
    await this.send('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node' } });
    const capacity = { cpu: '4', memory: '4Gi', pods: '100' };
    await this.report('/api/v1/nodes/node/status', {
      capacity,
      allocatable: capacity,
      conditions: [nodeReady],
    });
  }

  send(method: 'POST' | 'PATCH', path: string, object: unknown): Promise<unknown> {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    return this.kube.json({
      method,
      path,
      headers: { 'content-type': type },
      body: JSON.stringify(object),
    });
  }

  /** Of a kubelet: the status of a node or a pod. */
  report(path: string, status: unknown): Promise<unknown> {
    return this.send('PATCH', path, { status });
  }

  /** Into a namespace of its own. */
  async install(...objects: KubernetesObjectSpec[]): Promise<string> {
    const namespace = `ready-${String((this.count += 1))}`;
    await applyObjects(this.kube, { objects, namespace, owner });
    return namespace;
  }

  /** As soon as there are so many. */
  async pods(namespace: string, number: number): Promise<PodName[]> {
    for (let tries = 0; tries < 100; tries += 1) {
      const { items } = await this.kube.json<{ items: PodName[] }>({
        path: `/api/v1/namespaces/${namespace}/pods`,
      });
      if (items.length >= number) return items;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error('no pods');
  }

  async reportPods(namespace: string, number: number, status: object): Promise<void> {
    for (const { metadata } of (await this.pods(namespace, number)).slice(0, number)) {
      await this.report(`/api/v1/namespaces/${namespace}/pods/${metadata.name}/status`, status);
    }
  }

  async event(
    namespace: string,
    pod: PodName,
    reason: string,
    message: string,
    type = 'Warning',
  ): Promise<void> {
    const now = new Date().toISOString().replace(/\.\d+Z/u, 'Z');
    const involvedObject = { kind: 'Pod', namespace, name: pod.metadata.name, uid: pod.metadata.uid };
    await this.send('POST', `/api/v1/namespaces/${namespace}/events`, {
      metadata: { generateName: 'e-' },
      involvedObject,
      reason,
      message,
      type,
      lastTimestamp: now,
      firstTimestamp: now,
    });
  }

  /** Begins to wait, and notes what it tells meanwhile. */
  wait(
    namespace: string,
    changes: Partial<WaitReadyOptions> = {},
  ): { done: Promise<void>; progress: string[] } {
    const progress: string[] = [];
    const done = waitReady(this.kube, {
      namespace,
      environment: 'demo',
      component: owner.component,
      checks: [rollout],
      objectsOf: () => ({ namespace, objects: [] }),
      timeoutMs: 40_000,
      onProgress: (text) => progress.push(text),
      ...changes,
    });
    // Looked at later; until then nobody listens.
    done.catch(() => undefined);
    return { done, progress };
  }
}

/** One API server for all tests of a file; it can be used once they run. */
export function useReadyBed(): ReadyBed {
  const bed = new ReadyBed();
  beforeAll(() => bed.start());
  afterAll(() => bed.server.stop());
  return bed;
}
