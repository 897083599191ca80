import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync } from 'node:fs';
import { mkdtemp, open, readFile, rm, writeFile, mkdir, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ClusterRef } from '../../src/domain/progress.js';
import { findEmbeddedBuild } from '../../src/targets/embedded/build/store.js';
import { connectKubernetes, type Kubernetes } from '../../src/tools/kubernetes/connection.js';
import { sharedCacheDir } from './cache.js';

/**
 * A real API server over a real etcd, and on request the real controllers and scheduler, without a node: objects are
 * stored, admitted, watched, owned and collected; no container runs, so a test that needs a pod's status writes it.
 */
export interface ApiServer {
  readonly kubeconfigPath: string;
  /** Of a user called `visitor`, who may do only what a test allows. */
  readonly visitorKubeconfigPath: string;
  readonly serverUrl: string;
  readonly kube: Kubernetes;
  /** Scratch folder; goes with the server. */
  readonly folder: string;
  /** Ends only the API server, with SIGKILL, as a crash would. */
  crash(): Promise<void>;
  /** Starts the API server again on its port, with its data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** As a step of an environment is told of it: one of somebody else's. */
export function clusterOf({ kubeconfigPath, serverUrl }: ApiServer): ClusterRef {
  return { kind: 'kubeconfig', kubeconfigPath, serverUrl, version: 'v1', owned: false };
}

interface Programs {
  /** The multi-call binary of the embedded build, or kube-apiserver itself. */
  readonly kube: string;
  readonly etcd: string;
}

const programs = await findPrograms();

/**
 * Why no API server can be started here; `undefined` when it can. For `describe.skipIf`, with the reason in its title.
 */
export const missingApiServer: string | undefined = programs
  ? undefined
  : 'skipped: no kube-apiserver or etcd; run the embedded build, or set TRACEWRIGHT_TEST_KUBE and TRACEWRIGHT_TEST_ETCD';

export interface ApiServerOptions {
  /** Run kube-controller-manager: namespaces end, owned objects are collected, Deployments get pods. @default false */
  readonly controllers?: boolean;
  /** Run kube-scheduler: pods that fit no node are marked so. @default false */
  readonly scheduler?: boolean;
}

/** Ready about 5 s after the call. Stop it in `afterAll`. */
export async function startApiServer({
  controllers = false,
  scheduler = false,
}: ApiServerOptions = {}): Promise<ApiServer> {
  if (!programs) throw new Error(missingApiServer);
  const folder = await mkdtemp(join(tmpdir(), 'tracewright-api-'));
  const [etcdPort, peerPort, port] = (await freePorts(3)) as [number, number, number];
  const token = randomBytes(16).toString('hex');
  const visitorToken = randomBytes(16).toString('hex');
  const tokens = `${token},tester,1,system:masters\n${visitorToken},visitor,2\n`;
  await writeFile(join(folder, 'tokens.csv'), tokens, { mode: 0o600 });
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
  });
  await writeFile(join(folder, 'service-account.key'), privateKey, { mode: 0o600 });
  await writeFile(join(folder, 'service-account.pub'), publicKey);
  await mkdir(join(folder, 'bin'));
  for (const face of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'])
    await symlink(programs.kube, join(folder, 'bin', face));

  const etcd = await start(folder, programs.etcd, etcdArgs(folder, etcdPort, peerPort));
  const startServer = async (): Promise<ChildProcess> =>
    start(folder, join(folder, 'bin', 'kube-apiserver'), apiServerArgs(folder, etcdPort, port));
  let server = await startServer();
  const serverUrl = `https://127.0.0.1:${String(port)}`;
  const kubeconfigPath = join(folder, 'kubeconfig');
  const visitorKubeconfigPath = join(folder, 'visitor.kubeconfig');
  const helpers: ChildProcess[] = [];
  const ended = async (): Promise<void> => {
    for (const helper of helpers) await kill(helper, 'SIGKILL');
    await kill(server, 'SIGKILL');
    await kill(etcd, 'SIGKILL');
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const ca = await certificate(folder, server);
    await writeKubeconfig(kubeconfigPath, serverUrl, ca, token);
    await writeKubeconfig(visitorKubeconfigPath, serverUrl, ca, visitorToken);
    const kube = connectKubernetes({ kubeconfigPath });
    await untilReady(kube, server, folder);
    const client = ['--kubeconfig', kubeconfigPath, '--leader-elect=false', '--secure-port=0'];
    const startHelper = async (face: string, args: readonly string[]): Promise<void> => {
      helpers.push(await start(folder, join(folder, 'bin', face), [...client, ...args]));
    };
    if (controllers) {
      const key = `--service-account-private-key-file=${join(folder, 'service-account.key')}`;
      await startHelper('kube-controller-manager', [
        key,
        '--use-service-account-credentials=false',
        '--controllers=*,-serviceaccount-token,-bootstrapsigner',
        // No kubelet renews a node's lease here; a node that counts as lost takes readiness from its pods.
        '--node-monitor-grace-period=24h',
      ]);
    }
    if (scheduler) await startHelper('kube-scheduler', []);
    return {
      kubeconfigPath,
      visitorKubeconfigPath,
      serverUrl,
      kube,
      folder,
      crash: () => kill(server, 'SIGKILL'),
      async restart() {
        server = await startServer();
        await untilReady(kube, server, folder);
      },
      async stop() {
        kube.close();
        await ended();
      },
    };
  } catch (error) {
    await ended();
    throw error;
  }
}

async function findPrograms(): Promise<Programs | undefined> {
  const sourceDir = fileURLToPath(new URL('../../embedded', import.meta.url));
  const kube =
    process.env.TRACEWRIGHT_TEST_KUBE ??
    (await findEmbeddedBuild({ sourceDir, cacheDir: sharedCacheDir }))?.programs['kube-apiserver'] ??
    onPath('kube-apiserver');
  const etcd = process.env.TRACEWRIGHT_TEST_ETCD ?? onPath('etcd');
  return kube !== undefined && etcd !== undefined && existsSync(kube) && existsSync(etcd)
    ? { kube, etcd }
    : undefined;
}

/** The first program of that name on PATH. */
export function onPath(name: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

function etcdArgs(folder: string, port: number, peerPort: number): string[] {
  const client = `http://127.0.0.1:${String(port)}`;
  const peer = `http://127.0.0.1:${String(peerPort)}`;
  return [
    ...['--data-dir', join(folder, 'etcd'), '--unsafe-no-fsync'],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...[
      '--listen-peer-urls',
      peer,
      '--initial-advertise-peer-urls',
      peer,
      '--initial-cluster',
      `default=${peer}`,
    ],
  ];
}

function apiServerArgs(folder: string, etcdPort: number, port: number): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${String(etcdPort)}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${String(port)}`,
    `--cert-dir=${join(folder, 'certificates')}`,
    `--token-auth-file=${join(folder, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.123.0.0/24',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${join(folder, 'service-account.pub')}`,
    `--service-account-signing-key-file=${join(folder, 'service-account.key')}`,
    // No controller makes service accounts here, and pods of tests need none.
    '--disable-admission-plugins=ServiceAccount',
    '--allow-privileged=true',
  ];
}

async function start(folder: string, program: string, args: readonly string[]): Promise<ChildProcess> {
  const log = await open(join(folder, `${program.split('/').at(-1) ?? ''}.log`), 'a');
  const child = spawn(program, args, { stdio: ['ignore', log.fd, log.fd], cwd: folder });
  await log.close();
  child.once('error', () => undefined);
  return child;
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}

/** The API server signs a certificate for itself at its first start; the file holds its CA as well. */
async function certificate(folder: string, server: ChildProcess): Promise<string> {
  const path = join(folder, 'certificates', 'apiserver.crt');
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline && server.exitCode === null) {
    if (existsSync(path)) return readFile(path, 'utf8');
    await sleep(50);
  }
  throw new Error(`kube-apiserver did not start: ${await tail(folder)}`);
}

/**
 * What a new server makes by itself goes on after it says that it is ready: a test that compares all objects waits for
 * it.
 */
const firstSigns = [
  '/readyz',
  '/api/v1/namespaces/default',
  '/api/v1/namespaces/default/services/kubernetes',
  '/apis/networking.k8s.io/v1/ipaddresses/10.123.0.1',
];

async function untilReady(kube: Kubernetes, server: ChildProcess, folder: string): Promise<void> {
  const deadline = Date.now() + 90_000;
  while (Date.now() < deadline && server.exitCode === null) {
    const answers = await Promise.all(firstSigns.map((path) => kube.send({ path }).catch(() => undefined)));
    if (answers.every((answer) => answer?.status === 200)) return;
    await sleep(50);
  }
  throw new Error(`kube-apiserver is not ready: ${await tail(folder)}`);
}

async function tail(folder: string): Promise<string> {
  const log = await readFile(join(folder, 'kube-apiserver.log'), 'utf8').catch(() => '');
  return log.split('\n').slice(-8).join('\n');
}

async function writeKubeconfig(path: string, server: string, ca: string, token: string): Promise<void> {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'test', cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') } },
    ],
    users: [{ name: 'tester', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'tester' } }],
    'current-context': 'test',
  };
  await writeFile(path, JSON.stringify(config), { mode: 0o600 });
}

/** Free TCP ports of the loopback interface, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
