import { never, type Engine, type EngineContainer } from './engine.js';
import { fatal, log } from './k3d-log.js';

/** As much of k3d.io/v1alpha5 as is read here. */
export interface SimpleConfig {
  metadata: { name: string };
  image: string;
  kubeAPI: { hostIP: string; hostPort: string };
  ports: { port: string }[];
  options: { runtime: { labels: { label: string }[] } };
}

type Take = (scenario: string) => boolean;

/** The order of k3d's own: network, volume, server, load balancer, then their starts. */
export function createCluster(config: SimpleConfig, engine: Engine, save: () => void, take: Take): void {
  const { name } = config.metadata;
  const server = `k3d-${name}-server-0`;
  if (engine.containers.some(({ labels }) => labels['k3d.cluster'] === name))
    fatal(`Failed to create cluster '${name}' because a cluster with that name already exists`);
  log('info', 'Prep: Network');
  engine.networks.push({ name: `k3d-${name}`, labels: { app: 'k3d' } });
  engine.volumes.push({ name: `k3d-${name}-images`, labels: { app: 'k3d', 'k3d.cluster': name } });
  save();
  if (take('no-image'))
    failed(
      `failed Cluster Creation: docker failed to pull image '${config.image}': toomanyrequests: too many requests`,
    );
  if (take('disk-full'))
    failed(`failed Cluster Creation: docker failed to pull image '${config.image}': no space left on device`);
  log('info', `Creating node '${server}'`);
  engine.containers.push(node(config, 'server'));
  save();
  if (take('dies-half-way')) process.kill(process.pid, 'SIGKILL');
  log('info', `Creating LoadBalancer 'k3d-${name}-serverlb'`);
  engine.containers.push(node(config, 'loadbalancer'));
  save();
  log('info', `Starting cluster '${name}'`);
  if (startNodes(config, engine, save, take)) log('info', `Cluster '${name}' created successfully!`);
}

/** @returns false when it hangs */
function startNodes(
  { metadata: { name } }: SimpleConfig,
  engine: Engine,
  save: () => void,
  take: Take,
): boolean {
  const [server, balancer] = engine.containers.slice(-2) as [EngineContainer, EngineContainer];
  run(server);
  save();
  const hangs = take('hangs');
  log('info', `Starting node '${server.name}'`);
  if (hangs) {
    setInterval(() => undefined, 1_000);
    return false;
  }
  if (take('times-out')) {
    failed(
      `Failed Cluster Start: Failed to start server ${server.name}: Node ${server.name} failed to get ready: context deadline exceeded`,
    );
  }
  if (take('too-many-files')) {
    server.log += '\nlevel=fatal msg="failed to create fsnotify watcher: too many open files"';
    save();
    failed(
      `Failed Cluster Start: Node ${server.name} failed to get ready: stopped returning log lines: node ${server.name} is running=false in status=exited`,
    );
  }
  if (take('port-in-use')) {
    failed(
      `Failed Cluster Start: Failed to add one or more helper nodes: runtime failed to start node 'k3d-${name}-serverlb': driver failed programming external connectivity on endpoint k3d-${name}-serverlb: Bind for 127.0.0.1:8080 failed: port is already allocated`,
    );
  }
  run(balancer);
  save();
  return true;
}

function failed(message: string): never {
  log('error', message);
  return fatal('Cluster creation FAILED, rollback deactivated.');
}

function run(container: EngineContainer): void {
  [container.status, container.startedAt] = ['running', new Date().toISOString()];
}

function node(config: SimpleConfig, role: 'server' | 'loadbalancer'): EngineContainer {
  const { name } = config.metadata;
  const isServer = role === 'server';
  return {
    name: isServer ? `k3d-${name}-server-0` : `k3d-${name}-serverlb`,
    image: isServer ? config.image : 'ghcr.io/k3d-io/k3d-proxy:5.8.3',
    labels: {
      app: 'k3d',
      'k3d.cluster': name,
      'k3d.role': role,
      'k3d.cluster.token': 'token-of-the-test',
      ...Object.fromEntries(
        config.options.runtime.labels.map(({ label }) => label.split('=') as [string, string]),
      ),
    },
    status: 'created',
    startedAt: never,
    restarts: 0,
    ports: isServer ? {} : balancerPorts(config),
    log: isServer ? 'level=info msg="Starting k3s v1.31.5+k3s1"' : 'nginx: start',
  };
}

function balancerPorts({ kubeAPI, ports }: SimpleConfig): EngineContainer['ports'] {
  const published = ports.map(({ port }) => {
    const [HostIp = '', HostPort = '', inside = ''] = port.split(':');
    return [`${inside}/tcp`, [{ HostIp, HostPort }]] as const;
  });
  return {
    '6443': [{ HostIp: kubeAPI.hostIP, HostPort: kubeAPI.hostPort }],
    ...Object.fromEntries(published),
  };
}
