import { isTracewrightError, shorten, TracewrightError, type FailureType } from '../../domain/failure.js';
import { pullCause, type PullCause } from '../../domain/pull-cause.js';
import { inotifyRemedy } from '../limits.js';

interface Sign {
  readonly type: FailureType;
  readonly text: RegExp;
  readonly says: string;
  readonly remedy: string | ((line: string) => PullCause);
}

/** Texts of docker 28, k3d 5.8 and k3s, first match wins: their exit codes are 1 for everything. */
const signs: readonly Sign[] = [
  {
    type: 'docker.forbidden',
    text: /permission denied while trying to connect to the docker/iu,
    says: 'Docker runs, but you may not use it.',
    remedy:
      'Add yourself to the group docker (sudo usermod -aG docker $USER, then log in again), or use sudo.',
  },
  {
    type: 'docker.unreachable',
    text: /cannot connect to the docker daemon|is the docker daemon running|error during connect|failed to connect to the docker api|unable to resolve docker endpoint|docker desktop is (?:unable|not running)/iu,
    says: 'The Docker engine does not answer.',
    remedy:
      'Start it (sudo systemctl start docker, or Docker Desktop), and check `docker context ls` and DOCKER_HOST.',
  },
  {
    type: 'port.taken',
    text: /port is already allocated|address already in use|ports are not available/iu,
    says: 'A port that the cluster publishes is in use.',
    remedy: 'End what uses it, or choose other ports under `k3d` in the stack file.',
  },
  {
    type: 'state.disk-full',
    text: /no space left on device|disk quota exceeded/iu,
    says: "Docker's disk is full.",
    remedy:
      'Make room: `docker system df` shows what takes it, `docker system prune` removes what nobody uses.',
  },
  {
    type: 'host.limits',
    text: /too many open files|inotify_(?:init|add_watch)|user limit on (?:total )?(?:number of )?inotify/iu,
    says: 'The machine lets its containers watch too few files (inotify).',
    remedy: inotifyRemedy,
  },
  {
    type: 'ready.image-pull',
    text: /failed to pull (?:the )?image|toomanyrequests|manifest (?:unknown|for .* not found)|pull access denied/iu,
    says: 'An image of the cluster cannot be pulled.',
    remedy: (line) => pullCause(line, /image '(?<image>[^']+)'/iu.exec(line)?.groups?.['image'], 'docker'),
  },
  {
    type: 'cluster.not-ready',
    text: /context deadline exceeded/iu,
    says: 'The cluster did not start in its time.',
    remedy: 'Look at the log of its server. Slow pulls go on where they were: try again.',
  },
];

/** The last line of every failed creation. */
const saysNothing = /^Cluster creation FAILED, rollback deactivated/u;

/** The sign in some lines, where they bear one; `line` is the telling one. */
function findSign(lines: readonly string[]): { sign: Sign; line: string } | undefined {
  for (const sign of signs) {
    const line = lines.find((it) => sign.text.test(it));
    if (line !== undefined) return { sign, line };
  }
  return undefined;
}

export interface FailureContext {
  /** For messages: "k3d could not create the cluster". */
  readonly what: string;
  /** Everything that was said, k3d's lines first, then the log of the server. */
  readonly lines: readonly string[];
  /** Shown with the error. */
  readonly evidence?: readonly string[];
  /** The type of a program that did not end in its time. */
  readonly tooLate: FailureType;
  /** The type of everything else. */
  readonly otherwise: FailureType;
}

/**
 * Says what a failed docker or k3d means.
 * @param error what `run` threw; cancellation, missing programs and what is already understood pass through
 */
export function explainFailure(
  error: unknown,
  { what, lines, evidence, tooLate, otherwise }: FailureContext,
): unknown {
  if (!isTracewrightError(error)) return error;
  if (error.type !== 'tool.failed' && error.type !== 'tool.timeout') return error;
  const found = findSign(lines);
  const shown = [...(evidence ?? error.evidence)];
  if (found) {
    const { sign, line } = found;
    return new TracewrightError({
      type: sign.type,
      message: `${what}: ${sign.says} ${sentence(line)}`,
      ...(typeof sign.remedy === 'string' ? { remedy: sign.remedy } : sign.remedy(line)),
      evidence: shown,
      cause: error,
    });
  }
  const isLate = error.type === 'tool.timeout';
  const last = lines.findLast((line) => line.trim() !== '' && !saysNothing.test(line)) ?? error.message;
  return new TracewrightError({
    type: isLate ? tooLate : otherwise,
    message: `${what}: ${isLate ? error.message : sentence(last)}`,
    remedy: 'Look at the lines below; when it stays so, `tracewright diag` collects what there is to know.',
    evidence: shown,
    cause: error,
  });
}

function sentence(line: string): string {
  const text = shorten(line);
  return /[.!?]$/u.test(text) ? text : `${text}.`;
}
