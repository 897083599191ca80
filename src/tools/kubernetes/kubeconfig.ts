import { existsSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';
import { TracewrightError } from '../../domain/failure.js';

/** A context of a kubeconfig file: what names a cluster together with the user that we are there. */
export interface KubeconfigContext {
  readonly kubeconfigPath: string;
  readonly context: string;
}

/**
 * Reads a kubeconfig.
 * @param context @default the current context of the file
 * @throws TracewrightError `cluster.not-found`: no such file or context, or a file that is not a kubeconfig
 */
export function loadKubeconfig(kubeconfigPath: string, context?: string): KubeConfig {
  if (!existsSync(kubeconfigPath)) {
    throw notFound(
      `There is no kubeconfig file ${kubeconfigPath}.`,
      'Give the path of a kubeconfig file, or create the cluster first.',
    );
  }
  const config = new KubeConfig();
  try {
    config.loadFromFile(kubeconfigPath);
  } catch (error) {
    throw notFound(
      `The file ${kubeconfigPath} is not a kubeconfig: ${(error as Error).message}.`,
      'Correct the file.',
      error,
    );
  }
  if (context !== undefined) config.setCurrentContext(context);
  if (config.getCurrentCluster()) return config;
  const known = config.getContexts().map(({ name }) => name);
  throw notFound(
    context === undefined
      ? `The kubeconfig ${kubeconfigPath} has no current context.`
      : `The kubeconfig ${kubeconfigPath} has no context "${context}".`,
    `Choose a context: ${known.length > 0 ? known.join(', ') : 'the file has none'}.`,
  );
}

/**
 * The first of the files that has the context, as kubectl looks through the files of KUBECONFIG.
 * @param paths absolute, at least one
 * @param context @default the current context of each file
 * @throws TracewrightError `cluster.not-found` with what is wrong with the first file that exists
 */
export function findContext(paths: readonly string[], context?: string): KubeconfigContext {
  const existing = paths.filter((path) => existsSync(path));
  const candidates = existing.length > 0 ? existing : paths;
  let first: unknown;
  for (const kubeconfigPath of candidates) {
    try {
      return { kubeconfigPath, context: loadKubeconfig(kubeconfigPath, context).getCurrentContext() };
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
}

function notFound(message: string, remedy: string, cause?: unknown): TracewrightError {
  return new TracewrightError({ type: 'cluster.not-found', message, remedy, cause });
}
