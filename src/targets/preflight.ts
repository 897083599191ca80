import { check, type Check } from '../domain/check.js';
import { defaultK3dSettings } from '../domain/k3d-settings.js';
import type { Intent } from '../domain/machine.js';
import { checkHelm } from '../tools/tool-checks.js';
import { cacheFolder, checkWritable, stateFolder } from '../tools/writable-folder.js';
import { preflightEmbedded } from './embedded/preflight.js';
import { preflightK3d } from './k3d/preflight.js';
import { preflightKubeconfig } from './kubeconfig/preflight.js';
import { programsQuestion, type TargetFolders } from './open-target.js';
import { gib } from './limits.js';

/**
 * Looks whether this machine and the target can hold the environment, before anything is started. Changes nothing. `up`
 * refuses to start over what failed here, and `doctor` shows all of it.
 */
export async function preflight(
  folders: TargetFolders,
  environment: string,
  intent: Intent,
  signal?: AbortSignal,
): Promise<Check[]> {
  const [ofTarget, ...common] = await Promise.all([
    preflightTarget(folders, environment, intent, signal),
    ...commonChecks(folders, signal),
  ]);
  return [...ofTarget, ...common];
}

async function preflightTarget(
  folders: TargetFolders,
  environment: string,
  intent: Intent,
  signal?: AbortSignal,
): Promise<Check[]> {
  const { target } = intent;
  if (target.kind === 'kubeconfig')
    return preflightKubeconfig({ ...intent, environment, kubectl: { ...folders, signal }, signal });
  if (target.kind === 'k3d')
    return preflightK3d({
      ...folders,
      name: environment,
      settings: target.k3d ?? defaultK3dSettings,
      signal,
    });
  const ports = intent.stack.k3d?.ports ?? [];
  const question = { ...programsQuestion(folders, target), signal };
  return preflightEmbedded({ ...folders, name: environment, question, ports, signal });
}

/** What every target needs of this machine. */
export function commonChecks(folders: TargetFolders, signal?: AbortSignal): Promise<Check>[] {
  const { stateDir, cacheDir } = folders;
  return [
    check('state folder', async () => writableText(stateDir, await checkWritable(stateDir, stateFolder))),
    check('cache folder', async () => writableText(cacheDir, await checkWritable(cacheDir, cacheFolder))),
    check('helm', () => checkHelm({ ...folders, signal })),
  ];
}

function writableText(folder: string, freeBytes: number): string {
  return `${folder} can be written; ${gib(freeBytes)} are free.`;
}
