import { isTracewrightError, shorten, TracewrightError } from '../../domain/failure.js';
import { webhookFailure } from '../kubernetes/api-error.js';

type Details = ConstructorParameters<typeof TracewrightError>[0];

interface Meaning {
  readonly pattern: RegExp;
  /** Only for these verbs of helm. @default all */
  readonly verbs?: ReadonlySet<string>;
  readonly failure: (what: string, text: string) => Details;
}

/** All other verbs are given local charts and talk only to the API server. */
const downloads = new Set(['pull', 'show']);
/** They make the manifests out of chart and values first. */
const rendering = new Set(['template', 'upgrade', 'install']);

/** How Go and its HTTP client say that nobody answers. */
const nobodyAnswers =
  /cluster unreachable|cannot be reached|unable to return a response|dial tcp|no such host|TLS handshake|connection (?:refused|reset|lost)|\bEOF\b|i\/o timeout|Client\.Timeout/u;

/**
 * Helm has one exit code, and tells what went wrong only in words: in its last line that begins with `Error:` and what
 * follows. How the reason begins says whose it is; what stands further in it may be anybody's. The first that fits, top
 * to bottom.
 */
const meanings: readonly Meaning[] = [
  {
    pattern: /^path "[^"]*" not found|Chart\.yaml file is missing|chart metadata is missing/u,
    failure: chartNotFound,
  },
  {
    pattern: /^chart requires kubeVersion: (.*) which is incompatible with Kubernetes (\S+)/u,
    verbs: rendering,
    failure: (what, text) => ({
      type: 'chart.incompatible',
      message: `${what}: the ${firstLine(text)}.`,
      remedy: 'Take a version of the chart for this Kubernetes, or another cluster.',
    }),
  },
  {
    // Of its Chart.yaml and values.yaml.
    pattern: /^(?:validation: chart\.|cannot (?:load|parse|unmarshal) [\w.]+:)/u,
    failure: unrenderable,
  },
  {
    pattern:
      /^(?:parse error at|execution error at|template: |YAML parse error on|error converting YAML|values don't meet the specifications of the schema|[^\s:]+\.(?:ya?ml|tpl|txt):\d+)/u,
    verbs: rendering,
    failure: unrenderable,
  },
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
    // A release is kept in a Secret, chart and all.
    pattern: /Secret "sh\.helm\.release\.v1\.[^"]*" is invalid: data: Too long|request is too large/u,
    failure: (what) => ({
      type: 'chart.too-large',
      message: `${what}: helm keeps chart and manifests of a release in one Secret, and these are larger than the 1 MiB that it may have.`,
      remedy: 'Take files that are not needed out of the chart, or split it into several components.',
    }),
  },
  {
    pattern: /no matches for kind "[^"]+" in version "[^"]+"/u,
    failure: (what, text) => ({
      type: 'manifest.unknown-kind',
      message: `${what}: the cluster does not know ${unknownKinds(text)}.`,
      remedy:
        'Let the component need the one that brings the definition (`needs`): `tracewright plan` names it. The step is tried again.',
    }),
  },
  // Said of objects and hooks alike; to helm a `generateName` is no name.
  { pattern: /resource name may not be empty$/mu, verbs: rendering, failure: unrenderable },
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
  // It asks nobody but the chart and the values.
  { pattern: /^/u, verbs: new Set(['template']), failure: unrenderable },
  {
    pattern: nobodyAnswers,
    failure: (what) => ({
      type: 'cluster.unreachable',
      message: `${what}: the API server does not answer.`,
      remedy: 'Look whether the cluster runs; the step is tried again.',
    }),
  },
  { pattern: /^unable to build kubernetes objects|error validating/u, failure: unrenderable },
];

/** What follows the last `Error:`, without the verb that helm puts before it. */
function reasonIn(evidence: readonly string[]): string {
  const begin = evidence.findLastIndex((line) => line.startsWith('Error: '));
  return evidence
    .slice(Math.max(begin, 0))
    .join('\n')
    .replace(/^Error: (?:[A-Z]+ FAILED: )?/u, '');
}

function unrenderable(what: string, text: string): Details {
  const hint = text.indexOf('\n\nUse --debug');
  const reason = (hint < 0 ? text : text.slice(0, hint)).replace(/\s+/gu, ' ').trim();
  return {
    type: 'chart.unrenderable',
    message: `${what}: the chart cannot be rendered with these values: ${shorten(reason)}.`,
    remedy: 'Correct the values of the component in the stack file, or the chart.',
  };
}

/** `ServiceMonitor of monitoring.coreos.com/v1`, each once. */
function unknownKinds(text: string): string {
  const found = text.matchAll(/no matches for kind "([^"]+)" in version "([^"]+)"/gu);
  const kinds = [...found].map(([, kind = '', version = '']) => `the kind ${kind} of ${version}`);
  return [...new Set(kinds)].join(', ');
}

const firstLine = (text: string): string => text.split('\n')[0] ?? '';

/** The typed failure of a helm call that ended badly, with helm's own last lines. */
export function helmFailure(error: unknown, args: readonly string[], logFile?: string): unknown {
  if (!isTracewrightError(error)) return error;
  const { evidence } = error;
  const [verb = '', subject = ''] = args;
  const text = reasonIn(evidence);
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
  return shorten(line.replace(/^Error: /u, ''));
}
