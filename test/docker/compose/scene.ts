import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Progress } from '../../../src/domain/progress.js';
import { until } from '../../proof/support/stack-breaker.js';
import type { ComposeBed } from '../../support/compose/bed.js';
import { type ExistingCluster, stackText } from '../../support/compose/cluster.js';

/** One environment on the existing cluster, through the worker of the compose file. */
export class ComposeEnvironment {
  readonly name: string;
  private readonly bed: ComposeBed;
  private readonly context: string;
  private readonly file: string;

  private constructor(bed: ComposeBed, name: string, context: string) {
    [this.bed, this.name, this.context] = [bed, name, context];
    this.file = join(bed.folder, `${name}.yaml`);
  }

  /** Writes its stack file. */
  static async describe(
    bed: ComposeBed,
    cluster: ExistingCluster,
    name: string,
  ): Promise<ComposeEnvironment> {
    const environment = new ComposeEnvironment(bed, name, cluster.context);
    await writeFile(environment.file, await stackText(name));
    return environment;
  }

  /** Installs it, or finds it installed, and waits for the proof. @throws when it does not become ready */
  async up(): Promise<void> {
    const where = ['--kubeconfig', '/kubeconfig/config', '--context', this.context];
    const { exitCode, stdout, stderr } = await this.bed.tracewright(
      ...['up', '--stack', this.file, '--target', 'kubeconfig', ...where, '--fail-fast'],
    );
    if (exitCode !== 0) throw new Error(`up ended with ${String(exitCode)}:\n${stdout}\n${stderr}`);
  }

  /** Begins to install it, and returns once a step runs. `done`: what `up` comes to. */
  async begin(): Promise<{ readonly done: Promise<void> }> {
    const done = this.up();
    done.catch(() => undefined);
    await until(`a step of ${this.name} runs`, async () => {
      const progress = await this.progress();
      return progress?.steps.some(({ state }) => state === 'running') ?? false;
    });
    return { done };
  }

  /** A fresh proof. @throws when there is none */
  async verify(): Promise<void> {
    const { exitCode, stdout, stderr } = await this.bed.tracewright('verify', '--name', this.name);
    if (exitCode !== 0) throw new Error(`verify ended with ${String(exitCode)}:\n${stdout}\n${stderr}`);
  }

  async down(): Promise<void> {
    const { exitCode, stdout, stderr } = await this.bed.tracewright('down', '--name', this.name);
    if (exitCode !== 0) throw new Error(`down ended with ${String(exitCode)}:\n${stdout}\n${stderr}`);
  }

  /** `undefined` while nobody answers. */
  async progress(): Promise<Progress | undefined> {
    const { exitCode, stdout } = await this.bed.tracewright('status', '--name', this.name, '--json');
    return exitCode === 0 || stdout.startsWith('{') ? (JSON.parse(stdout) as Progress) : undefined;
  }
}
