import { setTimeout as sleep } from 'node:timers/promises';
import { isTracewrightError, type TracewrightError } from '../../../domain/failure.js';
import type { ManifestsSpec, ReadyCheck } from '../../../domain/stack.js';
import { isApiError, parseStatus } from '../api-error.js';
import { applyObjects } from '../apply.js';
import type { Kubernetes } from '../connection.js';
import { ensureNamespace } from '../namespaces.js';
import type { Pod } from '../objects.js';
import { oneLine } from './pods.js';
import type { NamespaceView } from './view.js';
import { crashStability, rolloutState, type WorkloadKind } from './workloads.js';

/** One ready check while it is waited for. */
export interface RunningCheck {
  /** What the check looks at, for messages. */
  readonly title: string;
  readonly done: boolean;
  /** What is missing. */
  readonly text: string;
  /** The pods that decide; their troubles end the wait. */
  pods(): readonly Pod[];
  /** Set when the check can never hold. */
  readonly failure?: TracewrightError | undefined;
}

export interface CheckSurroundings {
  readonly kube: Kubernetes;
  readonly view: NamespaceView;
  readonly namespace: string;
  readonly environment: string;
  readonly component: string;
  readonly objectsOf: (component: string) => ManifestsSpec;
  readonly onChange: () => void;
  /** Resolves when all rollouts of the component are done. */
  readonly rolledOut: Promise<void>;
  readonly signal: AbortSignal;
}

/** Between two looks at what cannot be watched, in milliseconds: quick at first, so that ready is seen at once. */
const firstPauseMs = 200;
const longestPauseMs = 1_000;

/**
 * For the answer to a dry run, in milliseconds. A connection to a webhook that begins while the rules of its Service are
 * written may lead nowhere, and the API server holds on to it for 10 s as a rule: another one is made sooner. Longer each
 * time, for machines that are slow.
 */
const firstAnswerMs = 2_000;
const longestAnswerMs = 30_000;

/** `Deployment/tempo` taken apart. */
export function rolloutTarget(rollout: string): { kind: WorkloadKind; name: string } {
  const [kind, name = ''] = rollout.split('/');
  return { kind: kind as WorkloadKind, name };
}

export function startCheck(check: ReadyCheck, surroundings: CheckSurroundings): RunningCheck {
  if ('rollout' in check) return rolloutCheck(check.rollout, surroundings);
  if ('http' in check) return httpCheck(check.http, surroundings);
  if ('exists' in check) return existsCheck(check.exists, surroundings);
  return acceptsCheck(check.accepts, surroundings);
}

function rolloutCheck(rollout: string, { view }: CheckSurroundings): RunningCheck {
  const { kind, name } = rolloutTarget(rollout);
  const stability = crashStability();
  const state = (): ReturnType<typeof rolloutState> => rolloutState(kind, view.workload(kind, name));
  const unstable = (): string | undefined => stability.unstableReason(view.podsOf(view.workload(kind, name)));
  return {
    title: rollout,
    get done() {
      return view.synced && state().done && unstable() === undefined;
    },
    get text() {
      if (!view.synced) return 'reading the cluster';
      return (state().done && unstable()) || state().text;
    },
    // Pods of a version that the controller has not looked at yet say nothing about the new one.
    pods: () => (state().current ? view.podsOf(view.workload(kind, name)) : []),
  };
}

/** What one probe found: `undefined` when the check holds, else what is missing. */
type Probe = () => Promise<string | undefined>;

function polled(
  title: string,
  probe: Probe,
  pods: () => readonly Pod[],
  { onChange, signal }: Pick<CheckSurroundings, 'onChange' | 'signal'>,
  before?: Promise<void>,
): RunningCheck {
  const check: { done: boolean; text: string; failure?: TracewrightError } = {
    done: false,
    text: `${title}: not asked yet`,
  };
  const poll = async (): Promise<void> => {
    await before;
    for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)) {
      const missing = await probe();
      [check.done, check.text] = [missing === undefined, missing ?? 'yes'];
      onChange();
      // Goes on once it holds: the other checks may take long, and all must hold at the same time.
      await sleep(missing === undefined ? longestPauseMs : pauseMs, undefined, { signal });
    }
  };
  poll().catch((error: unknown) => {
    if (signal.aborted) return;
    check.failure = error as TracewrightError;
    onChange();
  });
  return {
    title,
    pods,
    get done() {
      return check.done;
    },
    get text() {
      return check.text;
    },
    get failure() {
      return check.failure;
    },
  };
}

function httpCheck(
  http: Extract<ReadyCheck, { http: unknown }>['http'],
  surroundings: CheckSurroundings,
): RunningCheck {
  const { kube, namespace, view, signal } = surroundings;
  const { service, port, path, contains } = http;
  let selector: Readonly<Record<string, string>> | undefined;
  const probe: Probe = async () => {
    const answer = await kube
      .serviceRequest({ namespace, service, port }, path, { timeoutMs: 5_000, signal })
      .catch(transientText);
    if (typeof answer === 'string') return answer;
    selector ??= await selectorOfService(kube, namespace, service).catch(() => undefined);
    if (answer.status === 200 && (contains === undefined || answer.body.includes(contains))) return undefined;
    if (answer.status === 200) return `waiting for ${path} to contain "${contains ?? ''}"`;
    return `waiting for ${path}: ${bodyText(answer.body, service, answer.status)}`;
  };
  const pods = (): readonly Pod[] => (selector ? view.podsWith(selector) : []);
  return polled(`http ${service}:${String(port)}${path}`, probe, pods, surroundings);
}

async function selectorOfService(
  kube: Kubernetes,
  namespace: string,
  service: string,
): Promise<Record<string, string> | undefined> {
  const path = `/api/v1/namespaces/${namespace}/services/${service}`;
  return (await kube.json<{ spec?: { selector?: Record<string, string> } }>({ path })).spec?.selector;
}

function bodyText(answer: string, service: string, status: number): string {
  // The API server's own words come in a Status object, those of the Service as they are.
  const body = parseStatus(answer).message ?? '';
  if (/no endpoints available/u.test(body)) return `no ready pod behind the Service ${service}`;
  if (/services? "[^"]+" not found/u.test(body)) return `the Service ${service} does not exist yet`;
  if (/connection refused/u.test(body)) return 'nothing listens there yet';
  return oneLine(body, 120) || `HTTP status ${String(status)}`;
}

function acceptsCheck(
  accepts: Extract<ReadyCheck, { accepts: unknown }>['accepts'],
  surroundings: CheckSurroundings,
): RunningCheck {
  const { kube, environment, component, objectsOf, rolledOut, signal } = surroundings;
  const isNamed = typeof accepts === 'string';
  const owner = { environment, component: isNamed ? accepts : component };
  let answerMs = firstAnswerMs;
  const probe: Probe = async () => {
    const { namespace, objects } = isNamed ? objectsOf(accepts) : accepts;
    try {
      // It may be another namespace than ours, and is needed in any case.
      await ensureNamespace(kube, { name: namespace, owner, signal });
      await applyObjects(kube, { objects, namespace, owner, dryRun: true, answerMs, signal });
      return undefined;
    } catch (error) {
      if (isTracewrightError(error) && error.type === 'cluster.unreachable')
        answerMs = Math.min(answerMs * 2, longestAnswerMs);
      // That somebody else's object has the name is for the component itself to say.
      if (isTracewrightError(error) && error.type === 'manifest.foreign') return undefined;
      return transientText(error);
    }
  };
  const what = isNamed ? accepts : accepts.objects.map(({ kind }) => kind).join(', ');
  // An admission webhook whose pods do not run yet holds the question up until its time limit, 10 s as a rule.
  return polled(`accepts ${what}`, probe, () => [], surroundings, rolledOut);
}

function existsCheck(object: string, surroundings: CheckSurroundings): RunningCheck {
  const { kube, namespace, signal } = surroundings;
  const path = `/api/v1/namespaces/${namespace}/services/${object.replace('Service/', '')}`;
  const probe: Probe = async () => {
    try {
      await kube.json({ path, timeoutMs: 5_000, signal });
      return undefined;
    } catch (error) {
      return isApiError(error, 404) ? 'does not exist yet' : transientText(error);
    }
  };
  return polled(object, probe, () => [], surroundings);
}

/** The text of a transient failure; any other is thrown on. */
function transientText(error: unknown): string {
  if (isTracewrightError(error) && error.retryable) return oneLine(error.message, 200);
  throw error;
}
