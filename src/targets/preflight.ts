import type { Check } from '../domain/check.js';
import { defaultK3dSettings } from '../domain/k3d-settings.js';
import type { EnvironmentSpec } from '../domain/progress.js';
import { preflightEmbedded } from './embedded/preflight.js';
import { preflightK3d } from './k3d/preflight.js';
import { preflightKubeconfig } from './kubeconfig/preflight.js';
import { embeddedSourceDir, type TargetFolders } from './open-target.js';

/** What is to be installed, and where. */
export type Intent = Pick<EnvironmentSpec, 'stack' | 'target' | 'adopt'>;

/** Looks whether the target can hold the environment, before anything is started. */
export async function preflight(
  folders: TargetFolders,
  environment: string,
  intent: Intent,
  signal?: AbortSignal,
): Promise<Check[]> {
  const { target } = intent;
  if (target.kind === 'kubeconfig') return preflightKubeconfig({ ...intent, environment, signal });
  if (target.kind === 'k3d')
    return preflightK3d({
      ...folders,
      name: environment,
      settings: target.k3d ?? defaultK3dSettings,
      signal,
    });
  return preflightEmbedded({ ...folders, name: environment, sourceDir: embeddedSourceDir, signal });
}
