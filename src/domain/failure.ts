/**
 * How a kind of failure behaves. `retryable` failures may pass by themselves (an image registry that
 * answers 429, an API server that restarts); the others need a decision by a person.
 */
export interface FailureKind {
  readonly retryable: boolean;
  /**
   * After so many attempts that count (see `failuresTowards`) a retryable failure is permanent. `Infinity` for what cuts an
   * attempt short from outside.
   */
  readonly attempts: number;
  /** One line for the reference page: when this happens. */
  readonly when: string;
}

const permanent = (when: string, attempts = 1): FailureKind => ({ retryable: false, attempts, when });
const passing = (when: string, attempts = 6): FailureKind => ({ retryable: true, attempts, when });
const interrupting = (when: string): FailureKind => passing(when, Infinity);

/**
 * Every failure that Tracewright expects, by its dotted type. The types are part of the interface: they show in
 * `status --json`, in the Temporal Web UI and in docs/reference, and are never renamed without a note in the changelog.
 */
export const failureTypes = {
  'usage.invalid': permanent('a command, flag or argument is unknown or has a value that it cannot take'),
  'config.invalid': permanent('an environment variable or profile has a value that it cannot take'),
  'payload.keys': permanent('the keys with which payloads are encrypted cannot be read, or are none'),
  'payload.undecodable': permanent(
    'what the Temporal server keeps is encrypted with a key that is not among ours, or was changed',
  ),
  'stack.not-found': permanent('no stack file has that name or path'),
  'stack.malformed': permanent('the stack file is not YAML'),
  'stack.invalid': permanent('the stack file is YAML, but not a stack'),
  'stack.too-large': permanent('the stack with its values has more bytes than a Temporal server takes'),
  'stack.unknown-need': permanent('a component needs one that the stack does not have'),
  'stack.cycle': permanent('components need each other in a circle'),
  'environment.not-found': permanent('no environment of that name is known to the Temporal server'),
  'environment.orphaned': permanent('something of an environment exists, and no workflow looks after it'),
  'environment.held': permanent('an operator has paused the workflow of the environment in Temporal'),
  'environment.conflict': permanent('an environment of that name exists with another target'),

  'tool.missing': permanent('a program that a step needs is not on PATH'),
  'tool.failed': passing('a program ended with an exit code other than 0'),
  'tool.timeout': passing('a program did not end in its time and was stopped'),
  'tool.cancelled': passing('a program was stopped because its step was cancelled'),
  'download.failed': passing('a download did not arrive whole'),
  'download.checksum-mismatch': permanent('a download arrived with other contents than the pinned ones'),
  'state.disk-full': permanent('the state or cache folder has no room left'),
  'state.unwritable': permanent('the state or cache folder cannot be written'),
  'state.locked': passing('another process of ours holds the lock for longer than we wait'),
  'port.taken': permanent('no free port was found where one is needed'),

  'temporal.unreachable': passing('the Temporal server does not answer'),
  'temporal.not-starting': permanent(
    'the embedded Temporal server or the worker ended right after its start',
  ),
  'temporal.worker-missing': passing('no worker takes tasks for this environment'),

  'worker.outdated': permanent(
    'the worker that is asked what its machine can do is of an older version, and does not know the question',
  ),
  'host.unsupported': permanent(
    'the machine cannot run the embedded cluster: not Linux, not root, no namespaces',
  ),
  'host.packages-missing': permanent('system packages are missing and cannot be installed by us'),
  'host.package-install-failed': passing('apt-get could not install the missing system packages'),

  'build.go-missing': permanent(
    'Go is not on PATH where only Go can help: nothing is downloaded in its place',
  ),
  'build.go-too-old': permanent('the Go on PATH is older than Kubernetes needs'),
  'build.registry-unreachable': passing('the Go module proxy does not answer'),
  'build.disk-full': permanent('the build ran out of disk space'),
  'build.compile-failed': permanent('a program of the embedded cluster does not compile'),

  'cluster.unreachable': passing('the API server does not answer'),
  'cluster.not-ready': passing('the cluster was started, but its node did not become Ready in time'),
  'cluster.start-failed': passing('a program of the cluster keeps ending right after its start'),
  'cluster.not-found': permanent('there is no such cluster or kubeconfig context'),
  'cluster.config-invalid': permanent('kubectl cannot use the kubeconfig context as it is written'),
  'cluster.credentials': permanent(
    'the credential plugin of the kubeconfig context is missing, fails, or waits for a person',
  ),
  'cluster.residue': passing('something of a deleted cluster could not be removed'),

  'chart.unrenderable': permanent('the chart cannot be rendered with the values of the component'),
  'chart.incompatible': permanent('the chart is for other versions of Kubernetes'),
  'chart.too-large': permanent(
    'chart and manifests do not fit into the Secret in which helm keeps a release',
  ),
  'chart.not-found': permanent('the chart is not where the stack says it is'),
  'release.foreign': permanent('a Helm release of that name exists that Tracewright did not make'),
  'release.failed': passing('helm could not install or upgrade the release'),
  'release.locked': passing('another helm operation holds the release'),
  'manifest.foreign': permanent('an object of that name exists that Tracewright did not make'),
  'manifest.rejected': permanent('the API server refuses the manifest'),
  'manifest.unknown-kind': passing(
    'the cluster does not know a kind: its definition is missing, or comes later',
  ),
  'manifest.not-served': passing(
    'the API server has taken a CustomResourceDefinition, but does not serve its kind yet',
  ),
  'webhook.unavailable': passing('an admission webhook that must approve the object does not answer yet'),

  'log.not-found': permanent('what was asked for has kept no log'),
  'page.gone': permanent('the program that serves a page in the browser has ended, or does not answer'),
  'page.unavailable': permanent('the stack has no such page, or its address is not known'),
  'service.unavailable': passing('a Service that is to be opened does not exist, or has no ready pod'),

  'ready.timeout': permanent('a component was installed, but did not become ready in its time'),
  'ready.image-pull': passing('an image cannot be pulled', 3),
  // Transient where the container says that it cannot reach something.
  'ready.crash-loop': permanent('a container keeps crashing', 3),
  'ready.out-of-memory': permanent('a container is killed because it uses more memory than its limit'),
  // Transient where a node is short of something or about to come back.
  'ready.unschedulable': permanent('no node takes the pod', 3),

  'proof.ride-failed': passing('HotROD did not answer the ride with a driver', 2),
  'proof.collector-silent': passing('the trace did not appear in the log of the collector', 2),
  'proof.trace-missing': passing('Tempo does not know the trace', 2),
  'proof.trace-incomplete': passing('the trace in Tempo lacks spans or services', 2),
  'proof.search-silent': passing('the TraceQL search does not find the trace', 2),
  'proof.grafana-failed': passing('Grafana cannot reach the trace through its datasource', 2),

  'hop.hotrod': passing('HotROD does not run', 2),
  'hop.hotrod-collector': passing('HotROD does not get its spans to the collector', 2),
  'hop.collector': passing('the collector does not run, or takes or logs no spans', 2),
  'hop.collector-tempo': passing('the collector does not get the spans to Tempo', 2),
  'hop.tempo': passing('Tempo does not run, is not ready, or does not take or keep the spans', 2),
  'hop.service-name': passing('the spans are in Tempo, but not of the services that the stack file names', 2),
  'hop.search': passing('Tempo has the trace, but its search does not find it', 2),
  'hop.grafana': passing('Grafana does not run, or its datasource does not lead to Tempo', 2),

  'trace.not-found': permanent('Tempo does not know the trace that was asked for'),
  'output.exists': permanent('the file to write is there already, and --force was not given'),
  'output.unwritable': permanent('the file to write cannot be written'),
  'trace.unreadable': permanent('what should be a trace of Tempo is something else'),

  'update.refused': permanent('a decision or request does not fit the present phase of the environment'),
  'worker.shutdown': interrupting(
    'the worker was stopped in the middle of the step; the next worker goes on',
  ),
  'step.held': interrupting('an operator has paused the step in Temporal; it goes on when it is unpaused'),
  'step.reset': interrupting('an operator has reset the step in Temporal; it begins anew'),
  'step.timeout': permanent('a step did not end within its time'),
  'step.cancelled': permanent('the step was cancelled: a teardown or an abort'),
  'host.lost': permanent('the machine that holds the local cluster takes no more tasks'),
  'host.elsewhere': permanent('the cluster is on another machine, and cannot be looked at from here'),
  'internal.bug': permanent('Tracewright itself is wrong'),

  'cluster.forbidden': permanent(
    'the cluster refuses the credentials of the kubeconfig, or they may not do what a step needs',
  ),
  'chart.unavailable': passing('a chart repository or registry does not answer, or answers with an error'),
  'docker.unreachable': passing('the Docker engine does not answer'),
  'docker.forbidden': permanent('the Docker engine answers, but not to this user'),
  'cluster.different': permanent('a cluster of that name exists that is not the one the stack asks for'),
  'host.limits': permanent(
    'a limit of the machine leaves no room for a cluster: memory, open files, inotify, threads',
  ),
  'image.not-found': permanent('a registry does not have the image that a chart or manifest names'),
  'image.unavailable': passing('an image registry does not answer, or answers with an error'),
  'lock.mismatch': permanent('a chart or image is another one than that of the lock file'),
  'lock.invalid': permanent('the lock file is damaged, or not of this stack'),
  'removal.stuck': passing(
    'an object was deleted but does not go away: a finalizer, a webhook or a broken API service holds it',
    2,
  ),
} satisfies Record<string, FailureKind>;

export type FailureType = keyof typeof failureTypes;

/** The remedy of whatever was cut short by something that somebody asked for. */
export const cancelledRemedy = 'No action needed: cancelled by a teardown, an abort or a stopped worker.';

/** What a person, a log and the workflow history get to know about a failure. Serialises to JSON. */
export interface Failure {
  readonly type: FailureType;
  /** What happened, where and why; one to three lines, no stack trace. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
  readonly retryable: boolean;
  /** Evidence: pod events, last lines of the tool, paths of logs. */
  readonly evidence?: readonly string[];
  /** How often a step has been tried, this time included. Attempts lost to a dead worker count too. */
  readonly attempts?: number;
}

interface TracewrightErrorOptions {
  type: FailureType;
  message: string;
  remedy: string;
  /** Lines that show it: pod events, the tool's last lines. */
  evidence?: readonly string[] | undefined;
  cause?: unknown;
  /** @default what `failureTypes` says of the type */
  retryable?: boolean;
  /** Before then it is of no use to try again, in milliseconds from now. */
  retryAfterMs?: number | undefined;
}

/** An expected failure. Anything else that is thrown is a bug and is reported as one. */
export class TracewrightError extends Error {
  readonly type: FailureType;
  readonly remedy: string;
  readonly retryable: boolean;
  readonly evidence: readonly string[];
  readonly retryAfterMs: number | undefined;

  constructor(options: TracewrightErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TracewrightError';
    this.type = options.type;
    this.remedy = options.remedy;
    this.retryable = options.retryable ?? failureTypes[options.type].retryable;
    this.evidence = options.evidence ?? [];
    this.retryAfterMs = options.retryAfterMs;
  }

  toFailure(): Failure {
    const { type, message, remedy, retryable, evidence } = this;
    return { type, message, remedy, retryable, ...(evidence.length > 0 && { evidence }) };
  }
}

/** Whether the evidence of such a failure begins with what tells most; of others it is in the order of time. */
export function isRanked(type: FailureType): boolean {
  return type.startsWith('hop.') || type.startsWith('proof.');
}

export function isTracewrightError(error: unknown): error is TracewrightError {
  return error instanceof TracewrightError;
}

/** Whether somebody has ended the work: that says nothing of what was worked on. */
export function isCancellation(error: unknown): boolean {
  return isTracewrightError(error) && (error.type === 'step.cancelled' || error.type === 'tool.cancelled');
}

/** In characters; of them the beginning of what a tool said. */
const [maxSaid, saidFirst] = [400, 120];

/**
 * What a tool said, short enough for a message. Programs in Go put the cause at the end of what it led to, so both ends
 * stay.
 */
export function shorten(said: string): string {
  const text = said.trim();
  if (text.length <= maxSaid) return text;
  return `${text.slice(0, saidFirst).trimEnd()} … ${text.slice(saidFirst + 3 - maxSaid).trimStart()}`;
}

export function isFailureType(type: string | undefined | null): type is FailureType {
  return typeof type === 'string' && Object.hasOwn(failureTypes, type);
}

/** In characters; the whole text stands beside the stack trace. */
const maxBugLength = 500;

/** The failure that `error` stands for; an error that nobody expected becomes `internal.bug`. */
export function toFailure(error: unknown): Failure {
  if (isTracewrightError(error)) return error.toFailure();
  const message = error instanceof Error ? error.message : String(error);
  return {
    type: 'internal.bug',
    // Validators write theirs over a page.
    message: message.replace(/\s+/gu, ' ').trim().slice(0, maxBugLength),
    remedy: 'Run the command again with --debug and report what it prints.',
    retryable: false,
  };
}
