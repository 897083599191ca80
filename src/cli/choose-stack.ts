import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TargetKind } from '../domain/stack.js';
import type { LookAtTarget } from './choose-target.js';

/** With Docker: the upstream charts in today's versions. */
const withDocker = 'current';
/** Without: what can be built from package registries. */
const withoutDocker = 'embedded';

export interface StackQuestion {
  /** Of `--target`, or the one that other options imply. */
  readonly target: TargetKind | 'auto';
  readonly stateDir: string;
  readonly lookAt: LookAtTarget;
}

export interface StackChoice {
  readonly name: string;
  /** In brackets behind the name, for people. */
  readonly why: string;
}

/**
 * The built-in stack that `up` means without `--stack`. What was begun here is gone on with, whatever became of Docker
 * meanwhile; otherwise the upstream charts where they can run.
 */
export async function chooseStack({ target, stateDir, lookAt }: StackQuestion): Promise<StackChoice> {
  if (target !== 'auto') {
    const name = target === 'embedded' ? withoutDocker : withDocker;
    return { name, why: `auto: the one for the target ${target}` };
  }
  // The environment, and with it its cluster's folder, bears the name of the stack.
  const begun = [withDocker, withoutDocker].find((name) => existsSync(join(stateDir, 'clusters', name)));
  if (begun !== undefined) return { name: begun, why: 'auto: it was begun here' };
  const { possible, because } = await lookAt('k3d');
  return { name: possible ? withDocker : withoutDocker, why: `auto: ${because}` };
}
