import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { createCluster, type SimpleConfig } from './k3d-create.js';
import { called, engineTrouble, writeEngine } from './engine.js';
import { fatal, log } from './k3d-log.js';

/**
 * A stand-in for k3d 5.8.3: the commands that Tracewright uses, with its words, its exit codes, and its habit of saying
 * what it does on the standard output. Containers exist in the engine's file alone; the cluster in them is another one.
 */
const { path, engine, args } = called('k3d');
const save = (): void => {
  writeEngine(path, engine);
};

function takeScenario(name: string): boolean {
  if (engine.scenario !== name) return false;
  engine.scenario = null;
  save();
  return true;
}

function requireEngine(cluster: string): void {
  const trouble = engineTrouble(engine);
  if (trouble === undefined) return;
  log('error', `Failed to get nodes for cluster '${cluster}': docker failed to get containers: ${trouble}`);
  fatal('No nodes found for given cluster');
}

function nodesOf(cluster: string): typeof engine.containers {
  requireEngine(cluster);
  return engine.containers.filter(({ labels }) => labels['k3d.cluster'] === cluster);
}

function create([flag, file = '']: readonly string[]): void {
  if (flag !== '--config') fatal(`unknown flag: ${String(flag)}`);
  if (!existsSync(file)) fatal(`Failed to stat config file ${file}`);
  // k3d leaves a copy of the file behind.
  mkdtempSync(join(process.env['TMPDIR'] ?? '/tmp', 'k3d-config-tmp-'));
  const config = parse(readFileSync(file, 'utf8')) as SimpleConfig;
  log('info', `Using config file ${file} (k3d.io/v1alpha5#simple)`);
  const trouble = engineTrouble(engine);
  if (trouble !== undefined) {
    log('error', `Failed Cluster Preparation: Failed Network Preparation: ${trouble}`);
    fatal('Cluster creation FAILED, rollback deactivated.');
  }
  createCluster(config, engine, save, takeScenario);
}

function start([name = '']: readonly string[]): void {
  const nodes = nodesOf(name);
  if (nodes.length === 0) fatal('No nodes found for given cluster');
  if (takeScenario('start-fails'))
    fatal(`Failed to start server k3d-${name}-server-0: Node k3d-${name}-server-0 failed to get ready`);
  // A paused one runs, says Docker, and it believes that.
  for (const node of nodes.filter(({ status }) => status !== 'paused'))
    [node.status, node.startedAt] = ['running', new Date().toISOString()];
  save();
  log('info', `Started cluster '${name}'`);
}

function remove([name = '']: readonly string[]): void {
  const trouble = engineTrouble(engine);
  const nodes = trouble === undefined ? nodesOf(name) : [];
  // It ends well even when it could not look.
  if (nodes.length === 0) {
    log('info', `No nodes found for cluster '${name}', nothing to delete.`);
    return;
  }
  log('info', `Deleting cluster '${name}'`);
  engine.containers = engine.containers.filter((it) => !nodes.includes(it));
  engine.volumes = engine.volumes.filter(({ labels }) => labels['k3d.cluster'] !== name);
  if (!takeScenario('delete-leaves-network'))
    engine.networks = engine.networks.filter((it) => it.name !== `k3d-${name}`);
  save();
  log('info', `Successfully deleted cluster ${name}!`);
}

function kubeconfig([name = '']: readonly string[]): void {
  if (nodesOf(name).length === 0) fatal('No nodes found for given cluster');
  console.log('---');
  console.log(readFileSync(engine.kubeconfig, 'utf8'));
}

const commands: Record<string, (rest: readonly string[]) => void> = {
  'cluster create': create,
  'cluster start': start,
  'cluster delete': remove,
  'kubeconfig get': kubeconfig,
};

if (args[0] === 'version') {
  console.log('k3d version v5.8.3\nk3s version v1.31.5-k3s1 (default)');
} else {
  const command = commands[args.slice(0, 2).join(' ')];
  if (!command) fatal(`unknown command "${args.join(' ')}" for "k3d"`);
  command(args.slice(2));
}
