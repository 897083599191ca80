import { isTracewrightError, TracewrightError } from '../../domain/failure.js';
import { webhookFailure } from '../kubernetes/webhook-failure.js';

type Details = ConstructorParameters<typeof TracewrightError>[0];

interface Meaning {
  readonly pattern: RegExp;
  /** Only for these verbs of helm. @default all */
  readonly verbs?: ReadonlySet<string>;
  readonly failure: (what: string, text: string) => Details;
}

/** All other verbs are given local charts and talk only to the API server. */
const downloads = new Set(['pull', 'show']);

/** How Go and its HTTP client say that nobody answers. */
const nobodyAnswers =
  /cluster unreachable|cannot be reached|unable to return a response|dial tcp|no such host|TLS handshake|connection (?:refused|reset|lost)|\bEOF\b|i\/o timeout|Client\.Timeout/u;

/** Helm tells what went wrong only in words. The first that fits, top to bottom. */
const meanings: readonly Meaning[] = [
  {
    pattern: /another operation \(install\/upgrade\/rollback\) is in progress/u,
    failure: (what) => ({
      type: 'release.locked',
      message: `${what}: another helm operation holds the release.`,
      remedy: 'Let it finish; if nobody works on it, the next attempt unlocks it.',
    }),
  },
  {
    pattern: /invalid ownership metadata|cannot be imported into the current release/u,
    failure: (what, text) => ({
      type: 'manifest.foreign',
      message: `${what}: an object of the chart exists already and belongs to somebody else: ${named(text)}.`,
      remedy: 'Delete that object, or uninstall what made it, then retry.',
    }),
  },
  {
    pattern: /path "[^"]*" not found|Chart\.yaml file is missing|chart metadata is missing/u,
    failure: chartNotFound,
  },
  {
    pattern: new RegExp(`${nobodyAnswers.source}|index\\.yaml|: (?:429|5\\d\\d) |gzip: invalid`, 'u'),
    verbs: downloads,
    failure: unavailable,
  },
  {
    pattern: /\b(?:401|403)\b|unauthorized|forbidden|denied/iu,
    verbs: downloads,
    failure: (what) => ({
      type: 'chart.unavailable',
      message: `${what}: the repository or registry wants a login.`,
      remedy: 'Log in to an OCI registry with `docker login`, or have the chart in a folder: --charts-from.',
      retryable: false,
    }),
  },
  // Ports and digests hold these digits as well.
  { pattern: /not found|\b404\b/iu, verbs: downloads, failure: chartNotFound },
  {
    pattern:
      /(?:pre|post)-(?:install|upgrade|rollback|delete) hooks? failed|failed (?:pre|post)-(?:install|upgrade|rollback|delete)/u,
    failure: (what, text) => ({
      type: 'release.failed',
      message: `${what}: a hook of the chart (${/(?:pre|post)-\w+/u.exec(text)?.[0] ?? 'hook'}) did not succeed.`,
      remedy: "Look at the hook's pod in the namespace of the release, then retry.",
    }),
  },
  {
    pattern: nobodyAnswers,
    failure: (what) => ({
      type: 'cluster.unreachable',
      message: `${what}: the API server does not answer.`,
      remedy: 'Look whether the cluster runs; the step is tried again.',
    }),
  },
  {
    pattern:
      /parse error|execution error at|error converting YAML|don't meet the specifications of the schema|unable to build kubernetes objects|error validating/u,
    failure: (what) => ({
      type: 'release.failed',
      message: `${what}: the chart cannot be rendered with these values.`,
      remedy: 'Correct the values of the component in the stack file.',
      retryable: false,
    }),
  },
];

/** The typed failure of a helm call that ended badly, with helm's own last lines. */
export function helmFailure(error: unknown, args: readonly string[], logFile?: string): unknown {
  if (!isTracewrightError(error)) return error;
  const { evidence } = error;
  const [verb = '', subject = ''] = args;
  const text = evidence.join('\n');
  const repository = args[args.indexOf('--repo') + 1];
  const what = `helm ${verb} ${subject}${args.includes('--repo') ? ` from ${String(repository)}` : ''} failed`;
  if (error.type === 'tool.timeout' && verb === 'pull')
    return new TracewrightError({ ...unavailable(what), evidence, cause: error });
  if (error.type !== 'tool.failed') return error;
  const webhook = webhookFailure(text, what);
  if (webhook) return new TracewrightError({ ...webhook.toFailure(), evidence, cause: error });
  const meaning = meanings.find(({ pattern, verbs }) => (verbs?.has(verb) ?? true) && pattern.test(text));
  if (meaning) return new TracewrightError({ ...meaning.failure(what, text), evidence, cause: error });
  if (verb === 'pull') return new TracewrightError({ ...unavailable(what), evidence, cause: error });
  return new TracewrightError({
    type: 'release.failed',
    message: `${what}: ${lastWords(evidence)}`,
    remedy:
      logFile === undefined
        ? 'Look at the last lines of helm, then retry.'
        : `Look at ${logFile}, then retry.`,
    evidence,
    cause: error,
  });
}

function unavailable(what: string): Details {
  return {
    type: 'chart.unavailable',
    message: `${what}: the chart repository does not answer as it should.`,
    remedy: 'Look at the network and the address of the repository; the step is tried again.',
  };
}

function chartNotFound(what: string): Details {
  return {
    type: 'chart.not-found',
    message: `${what}: there is no such chart.`,
    remedy: 'Correct the chart of the component in the stack file: its path, name or version.',
  };
}

/** `ConfigMap "x" in namespace "y"` out of helm's sentence. */
function named(text: string): string {
  const object = /(\w+ "[^"]+"(?: in namespace "[^"]*")?) exists/u.exec(text)?.[1];
  return object?.replace(' in namespace ""', '') ?? 'see the last lines';
}

function lastWords(lines: readonly string[]): string {
  const line = lines.findLast((one) => /error/iu.test(one)) ?? lines.at(-1) ?? 'it said nothing';
  return line.replace(/^Error: /u, '').slice(0, 400);
}
