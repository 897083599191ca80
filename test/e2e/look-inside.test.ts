import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parse, stringify } from 'yaml';
import { loginText } from '../../src/cli/commands/open.js';
import type { Progress } from '../../src/domain/progress.js';
import type { SearchHit } from '../../src/domain/proof.js';
import type { Trace } from '../../src/domain/trace.js';
import { clusterFolder } from '../../src/targets/embedded/folder.js';
import { clusterProcesses, findNode } from '../../src/targets/embedded/processes.js';
import { connectKubernetes, type Kubernetes } from '../../src/tools/kubernetes/connection.js';
import type { ObjectList, Pod } from '../../src/tools/kubernetes/objects.js';
import { provideKubectl } from '../../src/tools/helm-binary.js';
import { forwardPort } from '../../src/tools/kubernetes/port-forward.js';
import { findByVariable } from '../../src/tools/process-identity.js';
import { whyNoCluster } from '../support/embedded-cluster.js';
import { kubectl, kubectlWith } from '../support/kubectl.js';
import { unpack } from '../support/unpack.js';
import { createCli, type Cli, type CliResult } from './cli.js';

const reason = await whyNoCluster();
const hotrod = { namespace: 'default', service: 'example-hotrod', port: 8080 };
/** For what a loaded machine does at its own pace. */
const patience = { timeout: 90_000, interval: 500 };

/** What one looks into an installed environment with: real traces, real pods that die, one cluster for all. */
describe.skipIf(reason !== undefined)('inside an environment', { timeout: 300_000 }, () => {
  let stateDir: string;
  let cli: Cli;
  let kube: Kubernetes;
  let traceId: string;

  beforeAll(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'tracewright-inside-'));
    cli = createCli(stateDir);
    const { exitCode, stdout, stderr } = await cli.run('up', '--name', 'inside');
    expect(exitCode, stdout + stderr).toBe(0);
    const progress = JSON.parse((await cli.run('status', '--json')).stdout) as Progress;
    kube = connectKubernetes({ kubeconfigPath: progress.cluster?.kubeconfigPath ?? '' });
    traceId = progress.proof?.traceId ?? '';
  }, 600_000);

  afterAll(async () => {
    kube.close();
    await cli.run('down');
    await rm(stateDir, { recursive: true, force: true });
  }, 120_000);

  const fails = async (...args: string[]): Promise<CliResult & { first: string }> => {
    const result = await cli.run(...args);
    expect(result.exitCode, result.stdout).not.toBe(0);
    return { ...result, first: result.stderr.split('\n').find((line) => line.startsWith('error')) ?? '' };
  };

  const hotrodPods = async (): Promise<readonly Pod[]> =>
    (
      await kube.json<ObjectList<Pod>>({
        path: '/api/v1/namespaces/default/pods',
        query: { labelSelector: 'app=example-hotrod' },
      })
    ).items ?? [];

  describe('trace', () => {
    it('draws the trace of the last proof, and the longest that the TraceQL of the stack finds', async () => {
      const last = await cli.run('trace');
      expect(last.exitCode, last.stderr).toBe(0);
      expect(last.stdout).toContain(`trace ${traceId}`);
      expect(last.stdout).toMatch(/✗ redis GetDriver redis timeout.* ms$/mu);
      expect(last.stdout).toMatch(/^Critical path █: .*mysql/mu);
      expect((await cli.run('trace', '--longest')).stdout).toMatch(/^trace [0-9a-f]{32}$/mu);
    });

    it('lists what a query finds, by length, as JSON as well', async () => {
      const { stdout } = await cli.run('trace', '--query', '{ status = error }', '--json');
      const found = JSON.parse(stdout) as { hits: SearchHit[]; trace: Trace };
      expect(found.hits.map((hit) => hit.traceId)).toContain(traceId);
      expect(found.trace.id).toBe(found.hits[0]?.traceId);
      expect(found.trace.spans.length).toBeGreaterThan(35);
      const text = await cli.run('trace', '--query', '{ status = error }');
      expect(text.stdout).toMatch(new RegExp(`^${traceId} +\\d+.* m?s  \\d{4}-`, 'mu'));
    });

    it('writes a page', async () => {
      const page = join(stateDir, 'ride.html');
      expect((await cli.run('trace', traceId, '--html', page)).exitCode).toBe(0);
      expect(await readFile(page, 'utf8')).toContain(traceId);
      expect((await fails('trace', traceId, '--html', page)).first).toContain('[output.exists]');
    });

    it('says what is wrong: an id that the store does not know, a query that finds nothing, one that is none', async () => {
      expect((await fails('trace', 'abc')).first).toBe(
        `error [trace.not-found] trace-store at tempo.tracing:3100 does not know the trace ${'abc'.padStart(32, '0')}.`,
      );
      const nothing = await fails('trace', '--query', '{ name = "nobody" }');
      expect(nothing.first).toContain('[trace.not-found] { name = "nobody" } finds no trace of the last 1h');
      expect((await fails('trace', '--query', '{ nonsense')).first).toContain('[proof.search-silent]');
    });
  });

  describe('open', () => {
    let squatter: Server | undefined;

    beforeAll(async () => {
      // Where somebody else has the port, that serves as well.
      squatter = createServer().listen(7080, '127.0.0.1');
      await once(squatter, 'listening').catch(() => (squatter = undefined));
    });
    afterAll(() => squatter?.close());

    it('forwards to a ready pod, says which port it took, outlives the pod, and ends with 0', async () => {
      const open = cli.start('open', 'hotrod', 'tempo', 'temporal');
      await expect.poll(open.output, patience).toContain('Ctrl-C ends it.');
      const said = open.output();
      expect(said).toMatch(/^temporal {2}http:\/\/.*\/workflows\/environment-inside$/mu);
      const [, url = ''] =
        /^hotrod {2}(http:\/\/127\.0\.0\.1:\d+\/) {2}port 7080 is taken$/mu.exec(said) ?? [];
      const [, tempo = ''] = /^tempo {2}(http:\/\/127\.0\.0\.1:\d+\/status)/mu.exec(said) ?? [];
      expect(await (await fetch(url)).text()).toContain('Rides On Demand');
      expect((await fetch(tempo)).status).toBe(200);

      const [pod] = await hotrodPods();
      const path = `/api/v1/namespaces/default/pods/${pod?.metadata.name ?? ''}`;
      await kube.json({ method: 'DELETE', path, query: { gracePeriodSeconds: 0 } });
      // The one connection that was kept is broken; every new one waits for a pod.
      const again = async (): Promise<string> => {
        const answer = await fetch(url, { headers: { connection: 'close' } }).catch(String);
        return typeof answer === 'string' ? answer : answer.text();
      };
      await expect.poll(again, patience).toContain('Rides On Demand');
      expect((await hotrodPods()).map((it) => it.metadata.name)).not.toContain(pod?.metadata.name);

      expect(await open.interrupt()).toBe(0);
      await expect(fetch(url)).rejects.toThrow();
    });

    it.each(['credential plugin', 'kubectl proxy'] as const)(
      'forwards by kubectl where only that can connect: behind a %s',
      async (what) => {
        const folder = await mkdtemp(join(stateDir, 'behind-'));
        const kubeconfigPath = join(folder, 'config');
        const behind = { 'credential plugin': behindPlugin, 'kubectl proxy': behindProxy }[what];
        await writeFile(kubeconfigPath, stringify(await behind(folder, kube.kubeconfigPath)));
        const marked = kubectlWith({ BEHIND_OF_TEST: folder });
        const through = connectKubernetes({ kubeconfigPath, kubectl: marked });
        onTestFinished(() => {
          through.close();
        });
        const troubles: string[] = [];
        const forward = await forwardPort(through, hotrod, {
          host: '127.0.0.1',
          port: 20_000,
          onTrouble: (message) => troubles.push(message),
        });
        onTestFinished(() => forward.close());
        const page = async (): Promise<string> => {
          const url = `http://127.0.0.1:${String(forward.port)}/`;
          return (await fetch(url, { headers: { connection: 'close' } })).text();
        };
        const pages = await Promise.all(Array.from({ length: 3 }, page));
        for (const text of pages) expect(text).toContain('Rides On Demand');
        expect(troubles).toEqual([]);
        // One for the API and one for the pod, whoever else calls.
        const running = await findByVariable('BEHIND_OF_TEST', folder);
        const commands = await Promise.all(
          running.map(({ pid }) => readFile(`/proc/${String(pid)}/cmdline`, 'utf8').catch(() => '')),
        );
        const kubectls = commands.filter((command) => !command.startsWith('/bin/sh'));
        expect(kubectls.filter((command) => command.includes('port-forward'))).toHaveLength(1);
        expect(kubectls.filter((command) => command.includes('--unix-socket'))).toHaveLength(1);

        const [pod] = await hotrodPods();
        const path = `/api/v1/namespaces/default/pods/${pod?.metadata.name ?? ''}`;
        await kube.json({ method: 'DELETE', path, query: { gracePeriodSeconds: 0 } });
        await expect.poll(() => page().catch(String), patience).toContain('Rides On Demand');
        expect((await hotrodPods()).map((it) => it.metadata.name)).not.toContain(pod?.metadata.name);
      },
    );

    it('refuses what this stack has not, a port that is taken, and a Service without a pod', async () => {
      expect((await fails('open', 'grafana')).first).toContain(
        '[page.unavailable] The stack embedded has no Grafana',
      );
      expect((await fails('open', 'promethius')).first).toContain('Did you mean "prometheus"?');
      expect((await fails('open', 'hotrod', '--port', '7080')).first).toContain('[port.taken]');
      expect((await fails('open', 'hotrod', '--address', '192.0.2.1')).first).toContain('[usage.invalid]');
      const options = { host: '127.0.0.1', port: 20_000, onTrouble: () => undefined };
      for (const [service, message] of [
        [{ ...hotrod, service: 'nobody' }, 'There is no Service default/nobody.'],
        [{ ...hotrod, port: 81 }, 'The Service default/example-hotrod has no port 81, but 8080.'],
        [
          { namespace: 'default', service: 'kubernetes', port: 443 },
          'No pod of the Service default/kubernetes is ready.',
        ],
      ] as const) {
        await expect(forwardPort(kube, service, options)).rejects.toMatchObject({
          type: 'service.unavailable',
          message,
        });
      }
    });

    it('shows the password of a page only when it is asked to', async () => {
      const path = '/api/v1/namespaces/default/secrets';
      const body = JSON.stringify({
        metadata: { name: 'login' },
        stringData: { user: 'admin', pass: 'prom-operator' },
      });
      await kube.json({ method: 'POST', path, body, headers: { 'content-type': 'application/json' } });
      const page = { ...hotrod, name: 'mine', localPort: 1, path: '/' };
      const login = { secret: 'login', userKey: 'user', passwordKey: 'pass' };
      const hidden = await loginText(kube, page, login, false);
      expect(hidden).toBe('login: in the Secret default/login; --show-password prints it');
      expect(await loginText(kube, page, login, true)).toBe('login: admin, password: prom-operator');
      const wrong = { ...login, passwordKey: 'password' };
      await expect(loginText(kube, page, wrong, true)).rejects.toMatchObject({ type: 'page.unavailable' });
    });
  });

  describe('logs', () => {
    it("prints those of a component's pods: of its own, not of what its operator makes for others", async () => {
      const collector = await cli.run('logs', 'collector', '--tail', 'all');
      expect(collector.stdout).toContain('Everything is ready. Begin running and processing data.');
      expect((await cli.run('logs', 'operator')).stdout).not.toContain('Begin running and processing data.');
      const prometheus = await cli.run('logs', 'prometheus-stack', '--tail', '1');
      const sources = prometheus.stdout
        .split('\n')
        .map((line) => line.split(' │')[0]?.replace(/-[0-9a-f]+-\w+$/u, ''));
      expect(sources).toEqual([
        'kube-stack-prometheus-kube-operator',
        ...['init-config-reloader', 'prometheus', 'config-reloader'].map(
          (container) => `prometheus-kube-stack-prometheus-kube-prometheus-0/${container}`,
        ),
      ]);
    });

    it("prints helm's, those of the cluster, of the worker and of the Temporal server", async () => {
      expect((await cli.run('logs', 'trace-store', '--tool')).stdout).toContain('STATUS: deployed');
      expect((await cli.run('logs', 'cluster', '--tail', '1')).stdout).toMatch(/^kubelet │ /mu);
      expect((await cli.run('logs', 'worker')).stdout).toContain('worker is ready');
      expect((await cli.run('logs', 'temporal')).stdout).toContain('Temporal');
      expect((await fails('logs', 'hotrod', '--tool')).first).toContain('[log.not-found]');
      expect((await fails('logs', 'colector')).first).toContain('Did you mean "collector"?');
    });

    it('follows a container over its restart; what the last run said is kept', async () => {
      const follow = cli.start('logs', 'hotrod', '--follow');
      await expect.poll(follow.output, patience).toContain('Starting');
      await kube.serviceRequest(hotrod, '/dispatch?customer=392');
      await expect.poll(follow.output, patience).toContain('392');
      expect((await fails('logs', 'hotrod', '--previous')).first).toContain('[log.not-found]');

      for (const { pid } of await clusterProcesses(clusterFolder(stateDir, 'inside').id)) {
        const command = await readFile(`/proc/${String(pid)}/cmdline`, 'utf8').catch(() => '');
        if (command.includes('hotrod')) process.kill(pid, 'SIGKILL');
      }
      const starts = (): number => follow.output().split('Starting').length;
      const before = starts();
      await expect.poll(starts, patience).toBeGreaterThan(before);
      expect(await follow.interrupt()).toBe(0);
      expect((await cli.run('logs', 'hotrod', '--previous', '--tail', 'all')).stdout).toContain('392');
    });
  });

  describe('diag', () => {
    const planted = { secret: 'Planted-Secret-1', variable: 'Planted-Variable-2', log: 'Planted-Log-3' };

    /** Makes an archive. @returns all its texts by their paths, and what the command said */
    async function diagnose(): Promise<{ said: string; files: Map<string, string> }> {
      const folder = await mkdtemp(join(stateDir, 'diag-'));
      const file = join(folder, 'it.tar.gz');
      const { exitCode, stdout, stderr } = await cli.run('diag', '--output', file);
      expect(exitCode, stderr).toBe(0);
      expect(stderr).not.toContain('Warning');
      return { said: stdout, files: (await unpack(file)).texts };
    }

    const make = (kind: 'secrets' | 'pods', object: object): Promise<unknown> =>
      kube.json({
        method: 'POST',
        path: `/api/v1/namespaces/default/${kind}`,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ apiVersion: 'v1', metadata: { name: 'planted' }, ...object }),
      });

    it('tells of pods, events, releases and logs, without the secrets that stand there', async () => {
      const [hotrodPod] = await hotrodPods();
      await make('secrets', { kind: 'Secret', stringData: { key: planted.secret } });
      // HotROD knows no such command, says which, and ends.
      const container = {
        name: 'planted',
        image: hotrodPod?.spec.containers[0]?.image,
        imagePullPolicy: 'Never',
        args: [`postgres://me:${planted.log}@db/${planted.secret}`],
        env: [{ name: 'API_TOKEN', value: planted.variable }],
      };
      await make('pods', { kind: 'Pod', spec: { containers: [container] } });
      const log = ['logs', 'default', 'planted', 'planted.log'].join('/');
      let made = await diagnose();
      await expect
        .poll(async () => (made = await diagnose()).files.get(`cluster/${log}`), patience)
        .toContain('unknown command');
      const { files } = made;
      const all = [...files].flat().join('\n');
      for (const secret of Object.values(planted)) {
        expect(all).not.toContain(secret);
        expect(all).not.toContain(Buffer.from(secret).toString('base64').replace(/=+$/u, ''));
      }
      expect(files.get('cluster/pods.json')).toContain('"planted"');
      expect(files.get('cluster/releases.json')).toMatch(/"trace-store"[^}]*"deployed"/su);
      expect(files.get('cluster/events.txt')).toContain('Pod/planted');
      expect(files.get('cluster/objects.txt')).toContain('Secret/planted');
      expect([...files.keys()].some((path) => path.includes('kube-system') && path.endsWith('.log'))).toBe(
        true,
      );
      // It prints each span, over many lines: more than goes in.
      const collector = [...files].find(([path]) => path.endsWith('/otc-container.log'))?.[1] ?? '';
      expect(collector).toMatch(/^\[The start of this log was left out: [^\n]*\]\n/u);
      expect(collector.split('\n').length).toBeGreaterThan(400);
      expect(Buffer.byteLength(collector)).toBeLessThan(300_000);
      expect(files.get('README.md')).not.toContain('not collected');
    });

    it('still tells of the cluster when the Temporal server is dead, and leaves it so', async () => {
      const record = join(stateDir, 'temporal', 'server.json');
      const { pid } = JSON.parse(await readFile(record, 'utf8')) as { pid: number };
      process.kill(pid, 'SIGKILL');
      const { said, files } = await diagnose();
      expect(said).toContain('not collected: the plan, the progress and the history of the workflow');
      expect(files.get('cluster/pods.json')).toContain('example-hotrod');
      expect(JSON.parse(await readFile(record, 'utf8'))).toMatchObject({ pid });
      expect((await cli.run('status')).exitCode).toBe(0); // which starts it again
    });
  });

  it('says so when the cluster does not answer', async () => {
    process.kill((await findNode(clusterFolder(stateDir, 'inside').id))?.pid ?? Number.NaN, 'SIGKILL');
    for (const args of [['trace'], ['open', 'hotrod'], ['logs', 'hotrod']])
      expect((await fails(...args)).first).toContain('[cluster.unreachable]');
  });
});

interface Kubeconfig {
  readonly clusters: readonly { readonly name: string; readonly cluster: object }[];
  readonly users: readonly { readonly name: string; readonly user: Readonly<Record<string, string>> }[];
}

/** @returns the kubeconfig with its certificate taken out: a plugin in the folder gives it */
async function behindPlugin(folder: string, kubeconfigPath: string): Promise<object> {
  const config = parse(await readFile(kubeconfigPath, 'utf8')) as Kubeconfig;
  const user = config.users[0]?.user ?? {};
  const [certificate = '', key = ''] = ['client-certificate-data', 'client-key-data'].map((field) =>
    Buffer.from(user[field] ?? '', 'base64').toString(),
  );
  const apiVersion = 'client.authentication.k8s.io/v1';
  const status = { clientCertificateData: certificate, clientKeyData: key };
  const answer = join(folder, 'answer.json');
  await writeFile(answer, JSON.stringify({ apiVersion, kind: 'ExecCredential', status }));
  const exec = { apiVersion, command: 'cat', args: [answer], interactiveMode: 'Never' };
  return { ...config, users: config.users.map(({ name }) => ({ name, user: { exec } })) };
}

/** @returns the kubeconfig with the address of a `kubectl proxy`, until the test ends, and nobody's credentials */
async function behindProxy(_folder: string, kubeconfigPath: string): Promise<object> {
  const config = parse(await readFile(kubeconfigPath, 'utf8')) as Kubeconfig;
  const { path } = await provideKubectl(kubectl);
  const proxy = execa(path, ['proxy', '--port', '0', '--kubeconfig', kubeconfigPath], { reject: false });
  onTestFinished(async () => {
    proxy.kill();
    await proxy;
  });
  let said = '';
  proxy.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await expect.poll(() => said, patience).toMatch(/127\.0\.0\.1:\d+\s/u);
  const cluster = { server: `http://${/127\.0\.0\.1:\d+/u.exec(said)?.[0] ?? ''}` };
  return {
    ...config,
    clusters: config.clusters.map(({ name }) => ({ name, cluster })),
    users: config.users.map(({ name }) => ({ name, user: {} })),
  };
}
