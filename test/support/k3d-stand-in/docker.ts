import { called, engineTrouble, writeEngine, type EngineContainer } from './engine.js';

/**
 * A stand-in for the docker program: as much of docker 28 as Tracewright uses of it, over the engine's file. What it
 * does not know it refuses, as docker does.
 */
const { path, engine, args } = called('docker');

function fail(text: string, code = 1): never {
  console.error(text);
  process.exit(code);
}

const flags = (name: string): string[] => args.flatMap((it, index) => (args[index - 1] === name ? [it] : []));
const known = new Set(['--format', '--filter', '--type', '--tail']);
const plain = args.filter((it, index) => !it.startsWith('--') && !known.has(args[index - 1] ?? ''));

function labelled(labels: Record<string, string>): boolean {
  const wanted = flags('--filter').filter((it) => it.startsWith('label='));
  return wanted.every((it) => {
    const [, key = '', value] = it.split('=');
    return value === undefined ? key in labels : labels[key] === value;
  });
}

function container(name: string): EngineContainer {
  return engine.containers.find((it) => it.name === name) ?? fail(`Error: No such container: ${name}`);
}

function containers(): void {
  const found = engine.containers.filter(
    ({ labels, status }) => labelled(labels) && (args.includes('--all') || status === 'running'),
  );
  const withPorts = flags('--format').includes('{{.Names}}\t{{.Ports}}');
  for (const { name, ports } of found) {
    const published = Object.entries(ports).flatMap(([inside, bindings]) =>
      bindings.map(({ HostIp, HostPort }) => `${HostIp}:${HostPort}->${inside}`),
    );
    console.log(withPorts ? `${name}\t${published.join(', ')}` : name);
  }
}

function inspect(): void {
  for (const name of plain.slice(1)) {
    const { image, labels, status, startedAt, restarts, ports } = container(name);
    console.log(
      JSON.stringify({
        name: `/${name}`,
        image,
        role: labels['k3d.role'] ?? '',
        environment: labels['tracewright.dev/environment'] ?? '',
        stateDir: labels['tracewright.dev/state-dir'] ?? '',
        hasToken: labels['k3d.cluster.token'] !== undefined,
        status,
        startedAt,
        restarts,
        ports,
      }),
    );
  }
}

function listOrRemove(kind: 'network' | 'volume'): void {
  const all = kind === 'network' ? engine.networks : engine.volumes;
  const name = flags('--filter')
    .find((it) => it.startsWith('name='))
    ?.slice('name='.length);
  if (plain[1] === 'ls') {
    const fits = all.filter(
      (it) => labelled(it.labels) && (name === undefined || new RegExp(name, 'u').test(it.name)),
    );
    for (const it of fits) console.log(it.name);
    return;
  }
  if (plain[1] !== 'rm') fail(`docker: unknown command: docker ${kind} ${String(plain[1])}`);
  if (all.some((it) => it.name === plain[2] && it.labels['test.in-use']))
    fail(`Error response from daemon: remove ${String(plain[2])}: ${kind} is in use`);
  const left = all.filter((it) => it.name !== plain[2]);
  engine[kind === 'network' ? 'networks' : 'volumes'] = left;
  writeEngine(path, engine);
}

const commands: Record<string, () => void> = {
  version: () => {
    console.log('28.2.2');
  },
  info: () => {
    const { rootDir, isPodman = false } = engine;
    console.log(JSON.stringify(isPodman ? { store: { graphRoot: rootDir } } : { DockerRootDir: rootDir }));
  },
  context: () => {
    console.log(engine.endpoint ?? 'unix:///var/run/docker.sock');
  },
  ps: containers,
  inspect,
  logs: () => {
    console.error(container(plain[1] ?? '').log);
  },
  rm: () => {
    engine.containers = engine.containers.filter((it) => it !== container(plain[1] ?? ''));
    writeEngine(path, engine);
  },
  unpause: () => {
    for (const name of plain.slice(1)) container(name).status = 'running';
    writeEngine(path, engine);
  },
  network: () => {
    listOrRemove('network');
  },
  volume: () => {
    listOrRemove('volume');
  },
};

const command = commands[plain[0] ?? ''];
if (!command) fail(`docker: unknown command: docker ${String(plain[0])}`);
const trouble = plain[0] === 'context' ? undefined : engineTrouble(engine);
if (trouble !== undefined) fail(trouble);
command();
