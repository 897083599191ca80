import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { createSecureContext, type SecureContext } from 'node:tls';
import { Agent, type Dispatcher } from 'undici';
import { cancelledRemedy, TracewrightError } from '../../domain/failure.js';
import { ApiError, parseStatus } from './api-error.js';
import type { ResolvedContext } from './kubeconfig.js';

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

/** A request whose answer is read as it comes: `timeoutMs` ends with its head. */
export interface StreamRequest extends ApiRequest {
  /** The stream fails when nothing comes for so long, in milliseconds. @default no limit */
  readonly silenceMs?: number | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case; repeated ones joined by a comma. */
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** Where the API server is spoken to, and over which connections. */
export interface Route {
  /** Without a slash at the end. */
  readonly baseUrl: string;
  readonly dispatcher: Dispatcher;
  /** With every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What an answer means that is not the API server's, but of who stands between. */
  readonly failureIn?: (answer: HttpAnswer) => TracewrightError | undefined;
}

/** What of a cluster's API is enough to ask it something. */
export interface ApiClient {
  readonly serverUrl: string;
  /**
   * Any HTTP status is an answer. @throws TracewrightError `cluster.unreachable`, `cluster.credentials`,
   * `cluster.config-invalid`, `step.cancelled`, and of the search for kubectl `tool.missing`, `download.*`
   */
  send(request: ApiRequest): Promise<HttpAnswer>;
  /** The body of a successful answer, from JSON. @throws ApiError (a TracewrightError) on any other status */
  json<T>(request: ApiRequest): Promise<T>;
  /** A successful answer that is read as it comes: watches, logs. @throws ApiError */
  stream(request: StreamRequest): Promise<Readable>;
}

export interface Transport {
  /** Any HTTP status is an answer. @throws TracewrightError `cluster.unreachable`, `step.cancelled` */
  readonly send: (request: ApiRequest) => Promise<HttpAnswer>;
  /** The body of an answer with the status 200. @throws ApiError for any other status; as `send` */
  readonly open: (request: StreamRequest) => Promise<Readable>;
}

/** An answer larger than this is a mistake of ours: 64 MiB. */
const maxBodyBytes = 64 * 1024 * 1024;
const defaultTimeoutMs = 30_000;
const staleAttempts = 5;

/** @param route asked for each request: it may be made, and made again, on the way */
export function createTransport(serverUrl: string, route: () => Promise<Route>): Transport {
  const start = async (request: StreamRequest): Promise<Exchange> => {
    const way = await cancellable(route(), request.signal);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await exchange(way, request);
      } catch (error) {
        // The server closed a kept connection just as we wrote into it. After a crash of the server several kept
        // connections are of that kind. A POST may have been carried out, so it is not repeated here.
        const stale = request.method !== 'POST' && isBroken(error) && !request.signal?.aborted;
        if (!stale || attempt === staleAttempts) throw unreachable(serverUrl, error, request.signal);
      }
    }
  };
  const read = async ({ answer, way, release }: Exchange, signal?: AbortSignal): Promise<HttpAnswer> => {
    try {
      const { statusCode: status, headers, body } = answer;
      const whole = { status, headers: plainHeaders(headers), body: await readBody(body) };
      const failure = way.failureIn?.(whole);
      if (failure) throw failure;
      return whole;
    } catch (error) {
      throw unreachable(serverUrl, error, signal);
    } finally {
      release();
    }
  };
  return {
    send: async (request) => read(await start(request), request.signal),
    async open(request) {
      const exchanged = await start(request);
      const { answer, headArrived, release } = exchanged;
      if (answer.statusCode !== 200) {
        const { status, body } = await read(exchanged, request.signal);
        throw new ApiError(`${request.method ?? 'GET'} ${request.path}`, status, parseStatus(body));
      }
      headArrived();
      answer.body.once('close', release);
      return answer.body;
    },
  };
}

/** Hosts that are this machine, for which no proxy is ever asked: the loopback, and the links of embedded clusters. */
const local = /^(?:localhost|127(?:\.\d+){3}|198\.19(?:\.\d+){2}|\[::1\])$/u;
const clusterKeys = new Set([
  'server',
  'certificate-authority',
  'certificate-authority-data',
  'insecure-skip-tls-verify',
  'tls-server-name',
  'extensions',
]);

/** A way that needs no kubectl. */
export interface DirectRoute extends Route {
  readonly tls: Tls;
}

/** As `node:tls` takes it. */
export interface Tls {
  readonly rejectUnauthorized?: false;
  readonly servername?: string;
  /** Authority and client certificate, read once: for each of a hundred connections it would take 3 ms. */
  readonly secureContext: SecureContext;
}

/**
 * The way to a cluster whose file can mean one thing only: it is on this machine, by TLS, and the file itself holds the
 * token or client certificate, or there are no credentials (kubectl would ask a person for a name). Such are our own
 * clusters, kind's, Docker Desktop's.
 * @returns undefined for all others, which need kubectl
 */
export function directRoute(resolved: ResolvedContext): DirectRoute | undefined {
  const { serverUrl, cluster, user = {} } = resolved;
  // Of a link-local address with a zone Node makes none: it is not this machine's loopback.
  const url = URL.canParse(serverUrl) ? new URL(serverUrl) : undefined;
  if (url?.protocol !== 'https:' || !local.test(url.hostname)) return undefined;
  if (!Object.keys(cluster).every((key) => clusterKeys.has(key))) return undefined;
  const server = serverTrust(resolved);
  const credentials = credentialsOf(user);
  if (!server || !credentials) return undefined;
  const { headers, ...certificate } = credentials;
  const { ca, ...trust } = server;
  const secureContext = secureContextOf({ ...(ca !== undefined && { ca }), ...certificate });
  if (!secureContext) return undefined;
  const tls: Tls = { ...trust, secureContext };
  return {
    baseUrl: serverUrl.replace(/\/+$/u, ''),
    // API servers close idle connections after 90 s: we do before, and so write into none that is closed.
    dispatcher: new Agent({ connect: tls, keepAliveTimeout: 30_000, headersTimeout: 0, bodyTimeout: 0 }),
    ...(headers && { headers }),
    tls,
  };
}

/** Of certificates and keys in PEM; undefined when they cannot be read. */
function secureContextOf(pem: { ca?: string; cert?: string; key?: string }): SecureContext | undefined {
  try {
    // As Go: an intermediate authority is enough.
    return createSecureContext({ ...pem, allowPartialTrustChain: true });
  } catch {
    return undefined;
  }
}

function serverTrust({
  cluster,
  clusterFile,
}: ResolvedContext): (Pick<Tls, 'rejectUnauthorized' | 'servername'> & { ca?: string }) | undefined {
  const file = cluster['certificate-authority'];
  const inline = cluster['certificate-authority-data'];
  const name = cluster['tls-server-name'];
  const servername = typeof name === 'string' && name !== '' ? { servername: name } : {};
  if (cluster['insecure-skip-tls-verify'] === true)
    return file || inline ? undefined : { rejectUnauthorized: false, ...servername };
  if (inline) {
    const ca = decoded(inline);
    return ca === undefined ? undefined : { ca, ...servername };
  }
  if (typeof file !== 'string' || file === '') return undefined;
  try {
    return { ca: readFileSync(resolve(dirname(clusterFile), file), 'utf8'), ...servername };
  } catch {
    return undefined;
  }
}

function credentialsOf(
  user: Readonly<Record<string, unknown>>,
): { headers?: Record<string, string>; cert?: string; key?: string } | undefined {
  const [cert, key] = [decoded(user['client-certificate-data']), decoded(user['client-key-data'])];
  const { token } = user;
  switch (Object.keys(user).sort().join()) {
    case '':
      return {};
    case 'client-certificate-data,client-key-data':
      return cert !== undefined && key !== undefined ? { cert, key } : undefined;
    case 'token':
      return typeof token === 'string' && token !== ''
        ? { headers: { authorization: `Bearer ${token}` } }
        : undefined;
    default:
      return undefined;
  }
}

function decoded(base64: unknown): string | undefined {
  const text = typeof base64 === 'string' ? Buffer.from(base64, 'base64').toString('utf8') : '';
  return text.includes('-----BEGIN ') ? text : undefined;
}

interface Exchange {
  readonly answer: Dispatcher.ResponseData;
  readonly way: Route;
  /** Ends the time limit: what follows may come slowly. */
  readonly headArrived: () => void;
  /** Ends the time limit and the hold on the signal. */
  readonly release: () => void;
}

async function exchange(way: Route, request: StreamRequest): Promise<Exchange> {
  const { method = 'GET', body, signal, silenceMs = 0, timeoutMs = defaultTimeoutMs } = request;
  const limit = new AbortController();
  const stop = (): void => {
    limit.abort(cancelled());
  };
  const timer =
    timeoutMs > 0
      ? setTimeout(() => {
          limit.abort(new Error(`no answer within ${String(timeoutMs)} ms`));
        }, timeoutMs)
      : undefined;
  const headArrived = (): void => {
    clearTimeout(timer);
  };
  const release = (): void => {
    headArrived();
    signal?.removeEventListener('abort', stop);
  };
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  try {
    const { origin, pathname, search } = urlOf(way.baseUrl, request);
    const answer = await way.dispatcher.request({
      origin,
      path: pathname + search,
      method,
      headers: { ...way.headers, ...request.headers },
      body: body ?? null,
      signal: limit.signal,
      bodyTimeout: silenceMs,
    });
    return { answer, way, headArrived, release };
  } catch (error) {
    release();
    throw error;
  }
}

function isBroken(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(String((error as NodeJS.ErrnoException).code));
}

function urlOf(baseUrl: string, { path, query = {} }: ApiRequest): URL {
  const url = new URL(baseUrl + path);
  for (const [key, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.set(key, String(value));
  return url;
}

async function readBody(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw new Error(`the answer is larger than ${String(maxBodyBytes)} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function plainHeaders(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}

/** Lets go of what others wait for as well. */
async function cancellable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  let stop: () => void = () => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => {
      reject(cancelled());
    };
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

export function cancelled(): TracewrightError {
  return new TracewrightError({
    type: 'step.cancelled',
    message: 'A request to the cluster was cancelled together with its step.',
    remedy: cancelledRemedy,
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
    remedy: 'Check that the cluster runs and that the address in the kubeconfig is right.',
    cause,
  });
}
