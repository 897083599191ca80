import { isTracewrightError, type FailureType } from '../domain/failure.js';
import type { TargetKind } from '../domain/stack.js';
import { whyUnsupported } from './embedded/host.js';
import { dockerVersion } from './k3d/docker.js';

/** Whether this machine can do a kind of target, as far as a short look tells. */
export interface Availability {
  readonly possible: boolean;
  /** Such as "Docker 28.2.2 runs here", or what is missing; no full stop. */
  readonly because: string;
}

/** Looks what this machine can do; a `docker` that hangs is given up on. */
export async function availabilityOf(
  kind: TargetKind,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<Availability> {
  switch (kind) {
    case 'k3d':
      return dockerAvailability(variables);
    case 'embedded': {
      const reason = await whyUnsupported();
      return { possible: reason === undefined, because: withoutStop(reason ?? 'this is Linux, as root') };
    }
    case 'kubeconfig':
      return {
        possible: false,
        because: 'an existing cluster is taken only when --kubeconfig or --context names it',
      };
  }
}

/** In few words: it is a part of the sentence that says why another target was taken. */
const dockerObstacles: Partial<Record<FailureType, string>> = {
  'tool.missing': 'there is no Docker here',
  'docker.unreachable': 'the Docker engine does not answer',
  'docker.forbidden': 'this user may not use the Docker engine',
};

async function dockerAvailability(
  variables: Readonly<Record<string, string | undefined>>,
): Promise<Availability> {
  try {
    return { possible: true, because: `Docker ${await dockerVersion({ variables })} runs here` };
  } catch (error) {
    if (!isTracewrightError(error)) throw error;
    return { possible: false, because: dockerObstacles[error.type] ?? withoutStop(error.message) };
  }
}

function withoutStop(sentence: string): string {
  return sentence.replace(/\.$/u, '');
}
