import { Option, type Command } from 'commander';
import { targetKinds, type TargetKind } from '../domain/stack.js';

/** What commands take that say where the cluster comes from. */
export interface TargetOptions {
  target: TargetKind | 'auto';
  /** A path, relative to the present folder. */
  kubeconfig?: string;
  context?: string;
  adopt?: true;
}

/** What commands take that look for environments: an existing cluster is looked into when it is named. */
export interface ClusterOptions {
  target?: 'kubeconfig';
  kubeconfig?: string;
  context?: string;
}

/** Adds `--target kubeconfig`, `--kubeconfig` and `--context`. */
export function clusterOptions(command: Command): Command {
  return command
    .addOption(
      new Option('-t, --target <kind>', 'look into an existing cluster, too').choices(['kubeconfig']),
    )
    .option('--kubeconfig <file>', 'that of this kubeconfig (default: KUBECONFIG, ~/.kube/config)')
    .option('--context <name>', 'that of this context (default: the current one)');
}

/** Adds `--target`, `--kubeconfig`, `--context` and `--adopt`. */
export function targetOptions(command: Command): Command {
  return command
    .addOption(
      new Option('-t, --target <kind>', 'where the cluster comes from')
        .choices(['auto', ...targetKinds])
        .default('auto'),
    )
    .option(
      '--kubeconfig <file>',
      'an existing cluster: its kubeconfig (default: KUBECONFIG, ~/.kube/config)',
    )
    .option('--context <name>', 'the context in the kubeconfig (default: its current one)')
    .option('--adopt', 'take over releases and objects of these names that Tracewright did not make');
}
