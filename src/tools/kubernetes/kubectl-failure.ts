import { TracewrightError, type FailureType } from '../../domain/failure.js';
import { redact } from '../redact.js';
import type { ResolvedContext } from './kubeconfig.js';
import { unreachable } from './transport.js';

/** Characters of them that stand in the message itself. */
const maxQuoted = 400;

const credentials = 'getting credentials: ';
/** What kubectl says of a plugin that ended well and did not answer as one: with more, with less, or in another version. */
const noAnswer = /^(?:decoding stdout|exec plugin (?:didn't return|is configured to use API version))/u;

interface ExecPlugin {
  readonly command?: unknown;
  readonly installHint?: unknown;
}

function pluginOf({ user }: ResolvedContext): { command: string; hint: string | undefined } | undefined {
  const { command, installHint } = (user?.['exec'] ?? {}) as ExecPlugin;
  if (typeof command !== 'string') return undefined;
  return { command, hint: typeof installHint === 'string' ? installHint.trim() : undefined };
}

/**
 * Why a request did not come about.
 * @param words in which kubectl says so
 * @param said what the plugin has written meanwhile
 */
export function failureOf(
  resolved: ResolvedContext,
  words: string,
  said: readonly string[],
): TracewrightError {
  if (!words.startsWith(credentials)) return unreachable(resolved.serverUrl, new Error(words));
  const [reason = '', ...more] = words
    .slice(credentials.length)
    .split('\n')
    .filter((line) => line.trim() !== '');
  const plugin = pluginOf(resolved);
  const loggedIn =
    'Log in as it asks for, in this shell, until `kubectl get namespaces` answers; then try again.';
  const remedy = reason.endsWith(' not found')
    ? (plugin?.hint ?? `Install ${plugin?.command ?? 'it'}, so that it is on PATH.`)
    : reason.includes('standard input is not a terminal')
      ? 'The work goes on in the background, where nobody can be asked: log in beforehand, with a plugin that keeps what it got.'
      : noAnswer.test(reason)
        ? 'Call it by hand, as the kubeconfig does: its standard output must be one ExecCredential and nothing else.'
        : loggedIn;
  return refused(
    resolved,
    // No colon behind "credentials": what follows one there is taken for a secret, and masked.
    `gives no credentials, as kubectl says: ${redact(reason)}`,
    remedy,
    said.length > 0 ? said : more.map((line) => redact(line)),
  );
}

/** No answer within `patienceMs`: of the credential plugin, where there is one. */
export function tooSlow(
  resolved: ResolvedContext,
  patienceMs: number,
  said: readonly string[],
): TracewrightError {
  const seconds = `${String(Math.round(patienceMs / 1000))} s`;
  if (!pluginOf(resolved)) return unreachable(resolved.serverUrl, new Error(`no answer within ${seconds}`));
  const remedy =
    'Do what it asks for in this shell, until `kubectl get namespaces` answers at once; then try again.';
  return refused(resolved, `did not come to an end within ${seconds}`, remedy, said);
}

/** The user of the context is nobody. */
export function noCredentials(resolved: ResolvedContext): TracewrightError {
  return refused(
    resolved,
    'gives no credentials, since the user of this context names no token, certificate or plugin',
    'Write credentials into that user; `kubectl get namespaces` must work without a question.',
    [],
  );
}

function refused(
  resolved: ResolvedContext,
  what: string,
  remedy: string,
  evidence: readonly string[],
): TracewrightError {
  const plugin = pluginOf(resolved);
  const who = plugin ? `The credential plugin ${plugin.command}` : 'The credential provider';
  // Asked for by each connection, it says everything twice.
  const lines = [...new Set(evidence.map((line) => line.trim()))].filter((line) => line !== '');
  const words = lines.length > 0 ? `. It says: ${lines.join(' ').slice(0, maxQuoted)}` : '';
  const message = `${who} of the context "${resolved.context}" ${what}${words}`;
  return new TracewrightError({
    type: 'cluster.credentials',
    message: message.endsWith('.') ? message : `${message}.`,
    remedy,
    evidence: lines,
  });
}

/** kubectl ended before it served anything: it does not take the files. */
export function unusable(
  { context, kubeconfigPath }: ResolvedContext,
  said: readonly string[],
  cause: unknown,
): TracewrightError {
  return new TracewrightError({
    type: 'cluster.config-invalid',
    message: `kubectl cannot use the context "${context}" of the kubeconfig ${kubeconfigPath}: ${said.join(' ') || 'it ended without a word'}`,
    remedy: 'Correct the entry; `kubectl get namespaces` must work with it.',
    evidence: said,
    cause,
  });
}

const answers: Readonly<Record<string, FailureType>> = {
  NotFound: 'service.unavailable',
  Forbidden: 'cluster.forbidden',
  Unauthorized: 'cluster.forbidden',
};

/** A port of a pod that kubectl does not connect to. */
export function notForwarded(
  { serverUrl }: ResolvedContext,
  pod: string,
  said: readonly string[],
): TracewrightError {
  const words = said.join(' ');
  const reason = /Error from server \((\w+)\)/u.exec(words)?.[1] ?? '';
  const type = answers[reason];
  if (!type) return unreachable(serverUrl, new Error(words));
  return new TracewrightError({
    type,
    message: `kubectl does not connect to the pod ${pod}: ${words}`,
    remedy: 'Look at the pod, and whether the user of this context may create `pods/portforward`.',
    evidence: said,
  });
}
