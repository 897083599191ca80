import { fileURLToPath } from 'node:url';
import { TracewrightError } from '../domain/failure.js';
import { defaultK3dSettings } from '../domain/k3d-settings.js';
import type { TargetSpec } from '../domain/progress.js';
import { findEmbeddedBuild } from './embedded/build/store.js';
import { clusterFolder, readNodeStatus } from './embedded/folder.js';
import { prepareCluster, type ProgramsQuestion } from './embedded/provide.js';
import { createEmbeddedTarget } from './embedded/target.js';
import { createK3dTarget } from './k3d/target.js';
import { createKubeconfigTarget } from './kubeconfig/target.js';
import type { OnProgress } from '../tools/download-progress.js';
import { checkHost } from './embedded/host.js';
import type { Target } from './target.js';

/** Sources of the embedded cluster: <package>/embedded, seen from <package>/{src,dist}/targets. */
export const embeddedSourceDir = fileURLToPath(new URL('../../embedded', import.meta.url));

export interface TargetFolders {
  readonly stateDir: string;
  readonly cacheDir: string;
  /** For the images that an embedded cluster pulls. @default 10 GiB */
  readonly imageCacheBytes?: number;
  /** What has the published programs of Kubernetes: a URL or a folder. @default their publishers */
  readonly kubernetesFrom?: string;
  /** PATH, and the settings of the tools that read variables. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What kubectl and credential plugins say while they are waited for. */
  readonly onProgress?: OnProgress | undefined;
}

/**
 * The target of an environment; asks nothing of it yet. Clusters of our own carry the environment's name.
 * @throws TracewrightError `usage.invalid` for an existing cluster without a kubeconfig file
 */
export function openTarget(folders: TargetFolders, environment: string, spec: TargetSpec): Target {
  const { stateDir, cacheDir, environment: variables } = folders;
  switch (spec.kind) {
    case 'embedded':
      return embeddedTarget(folders, environment, spec);
    case 'k3d': {
      const settings = spec.k3d ?? defaultK3dSettings;
      return createK3dTarget({ environment, stateDir, cacheDir, variables, settings });
    }
    case 'kubeconfig': {
      const { kubeconfigPath, context } = spec;
      if (kubeconfigPath !== undefined)
        return createKubeconfigTarget({ kubeconfigPath, context, kubectl: folders });
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

/** How the programs of an embedded cluster come to it. @param running the hash of those that it runs */
export function programsQuestion(
  { cacheDir, environment, kubernetesFrom }: TargetFolders,
  { images }: TargetSpec,
  running?: string,
): ProgramsQuestion {
  return {
    cacheDir,
    variables: environment,
    from: kubernetesFrom,
    prebuilt: { sourceDir: embeddedSourceDir },
    needsBuilt: images ? images.built && !images.dispensable : true,
    running,
  };
}

/** The embedded cluster with its programs: built or downloaded first where they are not there. */
function embeddedTarget(folders: TargetFolders, name: string, spec: TargetSpec): Target {
  const { stateDir, cacheDir, imageCacheBytes, environment: variables } = folders;
  const known = createEmbeddedTarget({ name, stateDir });
  return {
    kind: 'embedded',
    observe: () => known.observe(),
    create: async (options) => {
      // Before ten minutes of building for a machine that could not run the result.
      await checkHost();
      const running = (await readNodeStatus(clusterFolder(stateDir, name)))?.buildHash;
      const question = { ...programsQuestion(folders, spec, running), signal: options.signal };
      const build = await prepareCluster(question, options);
      const pulls = spec.images && { ...spec.images, cacheDir, cacheBytes: imageCacheBytes };
      return createEmbeddedTarget({ name, stateDir, build, pulls, variables }).create(options);
    },
    delete: (options) => known.delete(options),
  };
}
