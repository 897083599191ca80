import { join } from 'node:path';
import { clusterFolder } from '../../../src/targets/embedded/folder.js';
import { findNode } from '../../../src/targets/embedded/processes.js';
import { createEmbeddedTarget } from '../../../src/targets/embedded/target.js';
import { provideKubectl } from '../../../src/tools/helm-binary.js';
import { connectKubernetes, type Kubernetes } from '../../../src/tools/kubernetes/connection.js';
import { run } from '../../../src/tools/process.js';
import { openExitTo, type Exit } from '../docker/exit.js';
import { embeddedPrograms } from '../embedded-cluster.js';
import { kubectl } from '../kubectl.js';

const name = 'apart';

/** A cluster in which the worker runs as a pod: an embedded one, whose pods reach chosen ports of this machine. */
export class WorkerCluster {
  private readonly folder: string;
  private readonly images: string;
  private readonly exits: Exit[] = [];
  private connected: Kubernetes | undefined;

  /**
   * @param folder for its state; absolute
   * @param images a folder of archives, from which its node pulls what is not its own
   */
  constructor(folder: string, images: string) {
    [this.folder, this.images] = [folder, images];
  }

  get kube(): Kubernetes {
    if (!this.connected) throw new Error('The cluster was not created yet.');
    return this.connected;
  }

  async create(): Promise<void> {
    const { kubeconfigPath } = await createEmbeddedTarget({
      name,
      stateDir: this.folder,
      build: await embeddedPrograms(),
      pulls: { built: true, from: this.images, cacheDir: join(this.folder, 'cache') },
    }).create({ onProgress: () => undefined });
    this.connected = connectKubernetes({ kubeconfigPath });
  }

  /** Makes a port of this machine's 127.0.0.1 answer at the node. @returns `host:port`, as pods reach it */
  async reach(port: number): Promise<string> {
    const node = await findNode(clusterFolder(this.folder, name).id);
    if (!node) throw new Error('The node does not run.');
    const network = ['nsenter', `--net=/proc/${String(node.pid)}/ns/net`];
    const socket = join(this.folder, `exit-${String(port)}.sock`);
    const exit = await openExitTo(network, socket, { host: '127.0.0.1', port });
    this.exits.push(exit);
    return `${new URL(this.kube.serverUrl).hostname}:${String(exit.port)}`;
  }

  /** Runs kubectl as an administrator. @returns what it prints @throws TracewrightError `tool.failed` */
  async kubectl(...args: string[]): Promise<string> {
    const { path } = await provideKubectl(kubectl);
    return (await run(path, ['--kubeconfig', this.kube.kubeconfigPath, ...args])).stdout.trim();
  }

  async remove(): Promise<void> {
    this.connected?.close();
    for (const exit of this.exits) exit.close();
    await createEmbeddedTarget({ name, stateDir: this.folder }).delete();
  }
}
