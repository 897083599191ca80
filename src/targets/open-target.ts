import { fileURLToPath } from 'node:url';
import { TracewrightError } from '../domain/failure.js';
import { defaultK3dSettings } from '../domain/k3d-settings.js';
import type { TargetSpec } from '../domain/progress.js';
import { buildEmbedded } from './embedded/build/build.js';
import { findEmbeddedBuild } from './embedded/build/store.js';
import { createEmbeddedTarget } from './embedded/target.js';
import { createK3dTarget } from './k3d/target.js';
import { createKubeconfigTarget } from './kubeconfig/target.js';
import { checkHost } from './embedded/host.js';
import type { Target } from './target.js';

/** Sources of the embedded cluster: <package>/embedded, seen from <package>/{src,dist}/targets. */
export const embeddedSourceDir = fileURLToPath(new URL('../../embedded', import.meta.url));

export interface TargetFolders {
  readonly stateDir: string;
  readonly cacheDir: string;
  /** PATH, and the settings of the tools that read variables. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * The target of an environment; asks nothing of it yet. Clusters of our own carry the environment's name.
 * @throws TracewrightError `usage.invalid` for an existing cluster without a kubeconfig file
 */
export function openTarget(folders: TargetFolders, environment: string, spec: TargetSpec): Target {
  const { stateDir, cacheDir, environment: variables } = folders;
  switch (spec.kind) {
    case 'embedded':
      return embeddedTarget(folders, environment);
    case 'k3d': {
      const settings = spec.k3d ?? defaultK3dSettings;
      return createK3dTarget({ environment, stateDir, cacheDir, variables, settings });
    }
    case 'kubeconfig': {
      const { kubeconfigPath, context } = spec;
      if (kubeconfigPath !== undefined) return createKubeconfigTarget({ kubeconfigPath, context });
      throw new TracewrightError({
        type: 'usage.invalid',
        message: 'The target kubeconfig was given no kubeconfig file.',
        remedy: 'Name one with --kubeconfig.',
      });
    }
  }
}

/**
 * The folder of the charts that were built with the embedded cluster; `undefined` where there is no build of these
 * sources.
 */
export async function embeddedCharts(cacheDir: string): Promise<string | undefined> {
  return (await findEmbeddedBuild({ sourceDir: embeddedSourceDir, cacheDir }))?.charts;
}

/** The embedded cluster with its programs: built first where they are not. */
function embeddedTarget({ stateDir, cacheDir }: TargetFolders, name: string): Target {
  const built = createEmbeddedTarget({ name, stateDir });
  return {
    kind: 'embedded',
    observe: () => built.observe(),
    create: async (options) => {
      // Before ten minutes of building for a machine that could not run the result.
      await checkHost();
      const build = await buildEmbedded({
        sourceDir: embeddedSourceDir,
        cacheDir,
        signal: options.signal,
        owner: options.owner,
        onProgress: ({ program, percent, detail }) => {
          options.onProgress(`building ${program}: ${detail}`, percent);
        },
      });
      return createEmbeddedTarget({ name, stateDir, build }).create(options);
    },
    delete: (options) => built.delete(options),
  };
}
