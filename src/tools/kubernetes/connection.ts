import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { ApiError, parseStatus } from './api-error.js';
import { createDiscovery, type Discovery } from './discovery.js';
import { loadKubeconfig } from './kubeconfig.js';
import { connectPod, type PodPort } from './pod-connection.js';
import { podLogs, type PodLogsRequest } from './pod-logs.js';
import { serviceRequest, type ServiceAddress, type ServiceRequestOptions } from './service-request.js';
import { createTransport, type ApiRequest, type HttpAnswer } from './transport.js';

/** One cluster. Cheap to make; holds connections that are kept alive until `close`. */
export interface Kubernetes {
  readonly serverUrl: string;
  readonly kubeconfigPath: string;
  readonly context: string;
  /** Which path serves which kind. */
  readonly discovery: Discovery;
  /** Any HTTP status is an answer. @throws TracewrightError `cluster.unreachable`, `step.cancelled` */
  send(request: ApiRequest): Promise<HttpAnswer>;
  /** The body of a successful answer, from JSON. @throws ApiError (a TracewrightError) on any other status */
  json<T>(request: ApiRequest): Promise<T>;
  /** A successful answer that is read as it comes: watches, logs. @throws ApiError */
  stream(request: ApiRequest): Promise<IncomingMessage>;
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

export interface KubernetesOptions {
  readonly kubeconfigPath: string;
  /** @default the current context of the file */
  readonly context?: string | undefined;
}

/**
 * Reads the kubeconfig; asks nothing of the cluster yet.
 * @throws TracewrightError `cluster.not-found`: no such file or context, or a file that is not a kubeconfig
 */
export function connectKubernetes({ kubeconfigPath, context }: KubernetesOptions): Kubernetes {
  const config = loadKubeconfig(kubeconfigPath, context);
  const serverUrl = config.getCurrentCluster()?.server ?? '';
  const transport = createTransport(config, serverUrl);
  const json = async <T>(request: ApiRequest): Promise<T> => {
    const answer = await transport.send({
      ...request,
      headers: { accept: 'application/json', ...request.headers },
    });
    if (answer.status < 200 || answer.status > 299)
      throw new ApiError(asked(request), answer.status, parseStatus(answer.body));
    return JSON.parse(answer.body) as T;
  };
  const stream = async (request: ApiRequest): Promise<IncomingMessage> => {
    const answer = await transport.open(request);
    const status = answer.statusCode ?? 0;
    if (status === 200) return answer;
    answer.setEncoding('utf8');
    let body = '';
    for await (const chunk of answer as AsyncIterable<string>) body += chunk;
    throw new ApiError(asked(request), status, parseStatus(body));
  };
  const kube: Kubernetes = {
    serverUrl,
    kubeconfigPath,
    context: config.getCurrentContext(),
    discovery: createDiscovery(json),
    send: transport.send,
    json,
    stream,
    serviceRequest: (address, path, options) => serviceRequest(transport, address, path, options),
    connectPod: (target) => connectPod(config, target),
    podLogs: (request) => podLogs(kube, request),
    async serverVersion(signal) {
      return (await json<{ gitVersion: string }>({ path: '/version', timeoutMs: 5_000, signal })).gitVersion;
    },
    close: transport.close,
  };
  return kube;
}

function asked({ method = 'GET', path }: ApiRequest): string {
  return `${method} ${path}`;
}
