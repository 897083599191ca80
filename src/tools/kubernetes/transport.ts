import * as http from 'node:http';
import * as https from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { TracewrightError } from '../../domain/failure.js';

export interface ApiRequest {
  /** @default GET */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';
  /** Absolute, below the server's URL. */
  readonly path: string;
  /** Entries that are undefined are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
  /** In milliseconds, until the last byte of the answer; 0 for none. @default 30000 */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case; repeated ones joined by a comma. */
  readonly headers: Record<string, string>;
  readonly body: string;
}

export interface Transport {
  /** Any HTTP status is an answer. @throws TracewrightError `cluster.unreachable`, `step.cancelled` */
  readonly send: (request: ApiRequest) => Promise<HttpAnswer>;
  /** An answer whose body is read as it comes; `timeoutMs` ends with its head. */
  readonly open: (request: ApiRequest) => Promise<http.IncomingMessage>;
  /** Closes connections that are kept alive. */
  readonly close: () => void;
}

/** An answer larger than this is a mistake of ours: 64 MiB. */
const maxBodyBytes = 64 * 1024 * 1024;
const defaultTimeoutMs = 30_000;

/**
 * HTTP to one API server over connections that are kept alive. The library knows kubeconfig files, tokens, exec
 * plugins and proxies; but it makes a new agent, so a new TLS handshake, for each request, and that costs more than the
 * request (about 8 ms of CPU each).
 */
export function createTransport(config: KubeConfig, serverUrl: string): Transport {
  const connections = createConnections(config);
  const open = async (request: ApiRequest): Promise<Exchange> => {
    const options = await connections.optionsFor(request);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await exchange(serverUrl, request, options);
      } catch (error) {
        // The server closed a kept connection just as we wrote into it: nothing was done, so ask again. After a crash
        // of the server several kept connections are of that kind.
        if (!(error instanceof StaleConnection)) throw error;
        if (attempt === staleAttempts) throw unreachable(serverUrl, error.cause, request.signal);
      }
    }
  };
  return {
    async send(request) {
      const { answer, release } = await open(request);
      try {
        return { status: answer.statusCode ?? 0, headers: headersOf(answer), body: await readBody(answer) };
      } catch (error) {
        throw unreachable(serverUrl, error, request.signal);
      } finally {
        release();
      }
    },
    async open(request) {
      const { answer, headArrived, release } = await open(request);
      headArrived();
      answer.once('close', release);
      return answer;
    },
    close: connections.close,
  };
}

interface Exchange {
  readonly answer: http.IncomingMessage;
  /** Ends the time limit: what follows may come slowly. */
  readonly headArrived: () => void;
  /** Ends the time limit and the hold on the signal. */
  readonly release: () => void;
}

class StaleConnection extends Error {}

const staleAttempts = 5;

/**
 * In milliseconds. API servers close idle connections after 90 s: we do before, and so write into none that is closed.
 */
const idleMs = 30_000;

function createConnections(config: KubeConfig): {
  optionsFor: (request: ApiRequest) => Promise<https.RequestOptions>;
  close: () => void;
} {
  let kept: { agent: http.Agent; identity: string } | undefined;
  return {
    async optionsFor(request) {
      const options: https.RequestOptions = { headers: { ...request.headers } };
      await config.applyToHTTPSOptions(options);
      // Renewed client certificates (exec plugins, rotated files) need new connections.
      const identity = [options.ca, options.cert, options.key].map(String).join('\n');
      if (kept?.identity !== identity) {
        kept?.agent.destroy();
        kept = { identity, agent: agentFor(config, options) };
      }
      return { ...options, agent: kept.agent };
    },
    close() {
      kept?.agent.destroy();
      kept = undefined;
    },
  };
}

function agentFor(config: KubeConfig, options: https.RequestOptions): http.Agent {
  const cluster = config.getCurrentCluster();
  if (cluster?.proxyUrl !== undefined) return options.agent as http.Agent;
  if (cluster?.server.startsWith('http:')) return new http.Agent({ keepAlive: true, timeout: idleMs });
  const { ca, cert, key, rejectUnauthorized, servername } = options;
  return new https.Agent({
    keepAlive: true,
    timeout: idleMs,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
    ...(servername !== undefined && { servername }),
  });
}

function exchange(serverUrl: string, request: ApiRequest, options: https.RequestOptions): Promise<Exchange> {
  const url = urlOf(serverUrl, request);
  const { signal, body, timeoutMs = defaultTimeoutMs } = request;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(cancelled());
      return;
    }
    const headers = {
      ...(options.headers as http.OutgoingHttpHeaders),
      ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
    };
    const make = url.protocol === 'http:' ? http.request : https.request;
    const outgoing = make(url, { ...options, headers, method: request.method ?? 'GET' });
    const stop = (): void => {
      outgoing.destroy(cancelled());
    };
    const timer =
      timeoutMs > 0
        ? setTimeout(() => outgoing.destroy(new Error(`no answer within ${String(timeoutMs)} ms`)), timeoutMs)
        : undefined;
    const headArrived = (): void => {
      clearTimeout(timer);
    };
    const release = (): void => {
      headArrived();
      signal?.removeEventListener('abort', stop);
    };
    signal?.addEventListener('abort', stop, { once: true });
    outgoing.once('response', (answer) => {
      resolve({ answer, headArrived, release });
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      release();
      // A POST may have been carried out before the connection broke, so it is not repeated here.
      const stale =
        outgoing.reusedSocket &&
        request.method !== 'POST' &&
        (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      reject(stale ? new StaleConnection('', { cause: error }) : unreachable(serverUrl, error, signal));
    });
    outgoing.end(body);
  });
}

function urlOf(serverUrl: string, { path, query = {} }: ApiRequest): URL {
  const url = new URL(serverUrl + path);
  for (const [key, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.set(key, String(value));
  return url;
}

async function readBody(answer: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw new Error(`the answer is larger than ${String(maxBodyBytes)} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function headersOf(answer: http.IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}

export function cancelled(): TracewrightError {
  return new TracewrightError({
    type: 'step.cancelled',
    message: 'A request to the cluster was cancelled together with its step.',
    remedy: 'Nothing: this follows from a teardown, an abort or a stopped worker.',
  });
}

/** The typed failure of a connection that did not come about or broke. */
export function unreachable(serverUrl: string, cause: unknown, signal?: AbortSignal): TracewrightError {
  if (cause instanceof TracewrightError) return cause;
  if (signal?.aborted) return cancelled();
  const { code, message } = cause as NodeJS.ErrnoException;
  return new TracewrightError({
    type: 'cluster.unreachable',
    message: `The API server at ${serverUrl} does not answer: ${message || String(code)}.`,
    remedy: 'Look whether the cluster runs and whether the address in the kubeconfig is right.',
    cause,
  });
}
