import { z } from 'zod';
import { TracewrightError } from '../domain/failure.js';
import type { ProofSpec } from '../domain/stack.js';
import type { Kubernetes } from '../tools/kubernetes/connection.js';
import { readSecret } from '../tools/kubernetes/observe.js';
import {
  addressText,
  answerText,
  type HttpAnswer,
  type ProofKube,
  type ServiceAddress,
} from './cluster-access.js';
import { createTempo, type Tempo } from './tempo.js';

/** Who asks. Never stored: it is read from its Secret for one verification. */
export interface GrafanaLogin {
  readonly user: string;
  readonly password: string;
}

/** Who looks without a login. */
export const anonymousViewer = 'anonymous viewer';

export interface Grafana {
  /** `9.3.6`. */
  readonly version: string;
  readonly as: string;
  /** @throws TracewrightError `proof.grafana-failed` when Grafana does not have it */
  datasourceUid(name: string, signal: AbortSignal): Promise<string>;
  /** @throws TracewrightError `proof.grafana-failed` with what Grafana says */
  checkHealth(uid: string, signal: AbortSignal): Promise<void>;
  /** A GET to what the datasource leads to. Any status is an answer. */
  proxy(uid: string, path: string, signal?: AbortSignal): Promise<HttpAnswer>;
  /** Tempo through the datasource. */
  tempo(uid: string): Tempo;
}

/**
 * A session with Grafana behind a Service. With a login it is one of Grafana's own sessions, by cookie: the proxy of
 * the API server keeps `authorization` for itself. Without, it is the anonymous viewer, where Grafana allows one.
 * @throws TracewrightError `proof.grafana-failed`, `cluster.unreachable`
 */
export async function connectGrafana(
  kube: ProofKube,
  address: ServiceAddress,
  login: GrafanaLogin | undefined,
  signal: AbortSignal,
): Promise<Grafana> {
  const where = addressText(address);
  const health = await kube.serviceRequest(address, '/api/health', { signal });
  const state = healthAnswer.safeParse(safeJson(health.body));
  if (health.status !== 200 || state.data?.database !== 'ok') {
    throw failed(
      `Grafana at ${where} is not healthy: ${answerText(health)}.`,
      'Look at the pod and the log of Grafana.',
    );
  }
  const cookie = login ? await logIn(kube, address, login, signal) : undefined;
  const get = (path: string, sig?: AbortSignal): Promise<HttpAnswer> =>
    kube.serviceRequest(address, path, { ...(cookie !== undefined && { headers: { cookie } }), signal: sig });
  const proxy: Grafana['proxy'] = (uid, path, sig) => get(proxied(uid, path), sig);
  const as = login ? login.user : anonymousViewer;
  return {
    version: state.data.version,
    as,
    datasourceUid: (name, sig) => findDatasource(get, { where, as, name, mayRead: login !== undefined }, sig),
    checkHealth: (uid, sig) => checkDatasource(get, uid, sig),
    proxy,
    tempo: (uid) =>
      createTempo((path, sig) => proxy(uid, path, sig), `The datasource of Grafana at ${where}`),
  };
}

type Get = (path: string, signal: AbortSignal) => Promise<HttpAnswer>;

const healthAnswer = z.looseObject({ database: z.string(), version: z.string().default('unknown') });
const datasource = z.looseObject({ uid: z.string() });
const settings = z.looseObject({
  datasources: z.record(z.string(), z.looseObject({ uid: z.string().optional() })),
});

async function logIn(
  kube: ProofKube,
  address: ServiceAddress,
  login: GrafanaLogin,
  signal: AbortSignal,
): Promise<string> {
  const answer = await kube.serviceRequest(address, '/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(login),
    signal,
  });
  const session = /\bgrafana_session=[^;,\s]+/u.exec(answer.headers['set-cookie'] ?? '')?.[0];
  if (answer.status === 200 && session !== undefined) return session;
  throw failed(
    `Grafana at ${addressText(address)} refuses the login of ${login.user}: HTTP ${String(answer.status)}.`,
    'The password in the Secret is not the one in the database of Grafana: it is only set when Grafana starts for the first time.',
    { retryable: false },
  );
}

interface Wanted {
  readonly where: string;
  readonly as: string;
  readonly name: string;
  /** Viewers may not read datasources by the API, but get them with the settings of Grafana's own pages. */
  readonly mayRead: boolean;
}

async function findDatasource(
  get: Get,
  { where, as, name, mayRead }: Wanted,
  signal: AbortSignal,
): Promise<string> {
  const path = mayRead ? `/api/datasources/name/${encodeURIComponent(name)}` : '/api/frontend/settings';
  const answer = await get(path, signal);
  if (answer.status === 401 || answer.status === 403) {
    throw failed(
      `Grafana at ${where} does not let ${as} see its datasources: HTTP ${String(answer.status)}.`,
      'Allow anonymous viewers (auth.anonymous), or give the Secret with the password.',
      { retryable: false },
    );
  }
  const json = safeJson(answer.body);
  const uid = mayRead
    ? datasource.safeParse(json).data?.uid
    : settings.safeParse(json).data?.datasources[name]?.uid;
  if (answer.status === 200 && uid !== undefined) return uid;
  throw failed(
    `Grafana at ${where} shows ${as} no datasource ${name}: ${answerText({ ...answer, body: answer.status === 200 ? '' : answer.body })}.`,
    'Check the additionalDataSources of the chart, and the log of Grafana for an error of its provisioning.',
  );
}

/**
 * Grafana 9 does not know how to check a Tempo datasource (404 or 501): there, Tempo's own /api/echo answers through
 * it.
 */
async function checkDatasource(get: Get, uid: string, signal: AbortSignal): Promise<void> {
  let answer = await get(`/api/datasources/uid/${encodeURIComponent(uid)}/health`, signal);
  if (answer.status === 404 || answer.status === 501) answer = await get(proxied(uid, '/api/echo'), signal);
  if (answer.status === 200) return;
  throw failed(
    `The Tempo datasource of Grafana is not healthy: ${answerText(answer)}.`,
    'Check its URL: http://<service>.<namespace>:3100, from chart 1.21.1 on 3200, reached from the pod of Grafana.',
  );
}

function proxied(uid: string, path: string): string {
  return `/api/datasources/proxy/uid/${encodeURIComponent(uid)}${path}`;
}

function failed(message: string, remedy: string, more: { retryable?: boolean } = {}): TracewrightError {
  return new TracewrightError({ type: 'proof.grafana-failed', message, remedy, ...more });
}

function safeJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** What the stack says of its Grafana. */
type GrafanaSpec = Exclude<ProofSpec['grafana'], { skip: string }>;

/**
 * The login that the Secret of the stack holds, read anew for each verification; `undefined` when the stack names none.
 * @throws TracewrightError `proof.grafana-failed` when the Secret, or a key of it, is not there; `cluster.*`
 */
export async function readGrafanaLogin(
  cluster: Pick<Kubernetes, 'json'>,
  { namespace, secret }: Pick<GrafanaSpec, 'namespace' | 'secret'>,
  signal?: AbortSignal,
): Promise<GrafanaLogin | undefined> {
  if (!secret) return undefined;
  const { name, userKey, passwordKey } = secret;
  const values = await readSecret(cluster, { namespace, name }, signal);
  const [user, password] = [values?.[userKey], values?.[passwordKey]];
  if (user !== undefined && password !== undefined) return { user, password };
  const missing = user === undefined ? userKey : passwordKey;
  throw new TracewrightError({
    type: 'proof.grafana-failed',
    message: values
      ? `The Secret ${namespace}/${name} has no ${missing}, so nobody can log in to Grafana.`
      : `There is no Secret ${namespace}/${name} with the login of Grafana.`,
    remedy:
      'Correct proof.grafana.secret in the stack file; `kubectl get secrets` names those of the namespace.',
    retryable: false,
  });
}

type Ask = (path: string, signal: AbortSignal | undefined) => Promise<HttpAnswer>;

/** Who stands in front of the store wants credentials, or there is no way to it. */
const closed: readonly number[] = [401, 403, 502, 503, 504];

/**
 * The same cluster, where what is asked of the trace store goes through the data source of the stack's Grafana as long
 * as the store itself does not let us in. Each answer is the store's own where it gives one.
 * @param cluster has Grafana's login. @default the anonymous viewer asks
 */
export function throughGrafana(
  kube: ProofKube,
  spec: ProofSpec,
  cluster?: Pick<Kubernetes, 'json'>,
): ProofKube {
  const { grafana, tempo } = spec;
  if ('skip' in grafana) return kube;
  const store = addressText(tempo);
  let ask: Promise<Ask> | undefined;
  return {
    podLogs: (request) => kube.podLogs(request),
    async serviceRequest(address, path, options = {}) {
      const isStore = addressText(address) === store && (options.method ?? 'GET') === 'GET';
      if (!isStore) return kube.serviceRequest(address, path, options);
      const direct = ask ? undefined : await kube.serviceRequest(address, path, options);
      if (direct && !closed.includes(direct.status)) return direct;
      ask ??= askGrafana(kube, grafana, cluster);
      try {
        const answer = await (await ask)(path, options.signal);
        if (!closed.includes(answer.status)) return answer;
      } catch {
        // What the store itself says is what helps.
      }
      ask = undefined;
      return direct ?? (await kube.serviceRequest(address, path, options));
    },
  };
}

/** One session for all requests. */
async function askGrafana(
  kube: ProofKube,
  spec: GrafanaSpec,
  cluster: Pick<Kubernetes, 'json'> | undefined,
): Promise<Ask> {
  const limit = AbortSignal.timeout(10_000);
  const login = cluster && (await readGrafanaLogin(cluster, spec, limit));
  const grafana = await connectGrafana(kube, spec, login, limit);
  const uid = await grafana.datasourceUid(spec.datasource, limit);
  return (path, signal) => grafana.proxy(uid, path, signal);
}
