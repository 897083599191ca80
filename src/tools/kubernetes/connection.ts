import type { Duplex } from 'node:stream';
import { TracewrightError } from '../../domain/failure.js';
import type { ToolSource } from '../find-program.js';
import { ApiError, parseAnswer, parseStatus } from './api-error.js';
import { createDiscovery, type Discovery } from './discovery.js';
import { resolveContext, type KubeconfigContext, type ResolvedContext } from './kubeconfig.js';
import { openKubectl, type Patience } from './kubectl.js';
import { podLogs, type PodLogsRequest } from './logs.js';
import { connectPod, type PodPort } from './pod-connection.js';
import { serviceRequest, type ServiceAddress, type ServiceRequestOptions } from './services.js';
import {
  createTransport,
  directRoute,
  type ApiClient,
  type ApiRequest,
  type HttpAnswer,
  type Route,
} from './transport.js';

/** One cluster. Cheap to make; holds connections, or kubectl in the background, until `close`. */
export interface Kubernetes extends ApiClient {
  readonly kubeconfigPath: string;
  readonly context: string;
  /** Which path serves which kind. */
  readonly discovery: Discovery;
  /** HTTP to a Service through the API server, so that no port-forward is needed. Any status is an answer. */
  serviceRequest(address: ServiceAddress, path: string, options?: ServiceRequestOptions): Promise<HttpAnswer>;
  /** A TCP connection to a port of a pod. @throws ApiError, TracewrightError `cluster.unreachable` */
  connectPod(target: PodPort): Promise<Duplex>;
  /** The logs of all pods that the selector fits, one after the other. */
  podLogs(request: PodLogsRequest): Promise<string>;
  /** Such as `v1.34.4`; also the cheapest way to see that the server answers. */
  serverVersion(signal?: AbortSignal): Promise<string>;
  close(): void;
}

export interface KubernetesOptions extends KubeconfigContext, Patience {
  /**
   * Where kubectl comes from, and the environment that it and credential plugins run in. Left out where only clusters of
   * our own are spoken to, whose files need no kubectl.
   */
  readonly kubectl?: ToolSource | undefined;
}

/** How a cluster is reached. */
interface Access {
  route(): Promise<Route>;
  connectPod(target: PodPort): Promise<Duplex>;
  close(): void;
}

/**
 * Reads the kubeconfig; asks nothing of the cluster yet.
 * @throws TracewrightError `cluster.not-found`: no such file or context, or a file that is not a kubeconfig
 */
export function connectKubernetes(options: KubernetesOptions): Kubernetes {
  const resolved = resolveContext(options);
  const { serverUrl, kubeconfigPath, context } = resolved;
  const access = directAccess(resolved) ?? kubectlAccess(resolved, options);
  const transport = createTransport(serverUrl, () => access.route());
  const json = async <T>(request: ApiRequest): Promise<T> => {
    const answer = await transport.send({
      ...request,
      headers: { accept: 'application/json', ...request.headers },
    });
    if (answer.status < 200 || answer.status > 299)
      throw new ApiError(asked(request), answer.status, parseStatus(answer.body));
    return parseAnswer(serverUrl, asked(request), answer.body) as T;
  };
  const kube: Kubernetes = {
    serverUrl,
    kubeconfigPath,
    context,
    discovery: createDiscovery(json),
    send: transport.send,
    json,
    stream: transport.open,
    serviceRequest: (address, path, options) => serviceRequest(transport, address, path, options),
    connectPod: (target) => access.connectPod(target),
    podLogs: (request) => podLogs(kube, request),
    async serverVersion(signal) {
      const { gitVersion } = await json<{ gitVersion?: unknown }>({
        path: '/version',
        timeoutMs: 5_000,
        signal,
      });
      return typeof gitVersion === 'string' ? gitVersion : 'of an unknown version';
    },
    close: () => {
      access.close();
    },
  };
  return kube;
}

function asked({ method = 'GET', path }: ApiRequest): string {
  return `${method} ${path}`;
}

function directAccess(resolved: ResolvedContext): Access | undefined {
  const route = directRoute(resolved);
  return (
    route && {
      route: () => Promise.resolve(route),
      connectPod: (target) => connectPod(route, target),
      close: () => void route.dispatcher.destroy(),
    }
  );
}

function kubectlAccess(
  resolved: ResolvedContext,
  { kubectl: source, patienceMs }: KubernetesOptions,
): Access {
  if (!source) {
    throw new TracewrightError({
      type: 'cluster.config-invalid',
      message: `The kubeconfig ${resolved.kubeconfigPath} is not that of a cluster of ours on this machine.`,
      remedy: 'Use the cluster with --target kubeconfig.',
    });
  }
  const kubectl = openKubectl(resolved, source, { patienceMs });
  return {
    route: () => kubectl.route(),
    connectPod: (target) => kubectl.connectPod(target),
    close: () => {
      kubectl.release();
    },
  };
}
