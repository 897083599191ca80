import type { Check } from '../domain/check.js';
import type { TargetSpec } from '../domain/progress.js';
import { preflightEmbedded } from './embedded/preflight.js';
import { embeddedSourceDir, type TargetFolders } from './open-target.js';

/** Looks whether this machine can hold an environment on that target, before anything is started. */
export async function preflight(
  folders: TargetFolders,
  environment: string,
  { kind }: TargetSpec,
  signal?: AbortSignal,
): Promise<Check[]> {
  if (kind !== 'embedded') return [];
  return preflightEmbedded({ ...folders, name: environment, sourceDir: embeddedSourceDir, signal });
}
