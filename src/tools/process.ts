import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Transform } from 'node:stream';
import { execa, type ExecaError, type ResultPromise } from 'execa';
import { cancelledRemedy, isTracewrightError, TracewrightError } from '../domain/failure.js';
import type { ToolCall } from '../domain/step-attempt.js';
import { endProcess, identifyProcess, type ProcessIdentity } from './process-identity.js';
import { redact, redactLines } from './redact.js';

/** Who is responsible for the programs that run, and finds them again should this process die. */
export interface ProcessOwner {
  /** Marks a program, and everything that it starts, as the owner's. */
  readonly env: Readonly<Record<string, string>>;
  readonly started: (identity: ProcessIdentity) => void;
  readonly ended: (identity: ProcessIdentity) => void;
  /** Told of every call when it is over. @default nobody is */
  readonly called?: (call: ToolCall) => void;
}

export interface RunOptions {
  /** Added to (and stronger than) the environment of this process; `undefined` removes a variable. */
  env?: Readonly<Record<string, string | undefined>> | undefined;
  cwd?: string;
  /** Written to the standard input: the way for secrets and values, which must not stand among the arguments. */
  input?: string;
  /** In milliseconds. @default no limit */
  timeoutMs?: number;
  /** Ends the whole process group: SIGTERM, `graceMs`, SIGKILL. */
  signal?: AbortSignal | undefined;
  /** In milliseconds. @default 10000 */
  graceMs?: number;
  /** Both outputs are appended to this file (made with mode 0600) line by line as they come, without secrets. */
  logFile?: string | undefined;
  /** Each line of both outputs, as it comes. */
  onLine?: (line: string) => void;
  /** Told of the process for as long as it runs. */
  owner?: ProcessOwner | undefined;
  /** What to tell somebody who lacks the program. @default "Install <program> and make sure that it is on PATH." */
  missingRemedy?: string;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  /** In milliseconds. */
  readonly durationMs: number;
}

type Child = ResultPromise<{ all: true; detached: true; cleanup: false }>;
type StopReason = 'cancelled' | 'timeout';

/** Lines of a failed program that become evidence. */
const tailLines = 12;

/**
 * Runs a program to its end, in a process group of its own so that it can be ended together with its children.
 * @throws TracewrightError `tool.missing`, `tool.failed` (the last lines as evidence), `tool.timeout`, `tool.cancelled`
 */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  if (options.signal?.aborted) throw stopped(program, args, options, 'cancelled', '');
  const started = Date.now();
  const child: Child = execa(program, args, {
    all: true,
    detached: true,
    cleanup: false,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    env: { ...options.env, ...options.owner?.env },
  });
  const stopper = watchForStop(child, options);
  const log = followOutput(child, options);
  let problem: string | undefined;
  try {
    const { stdout, stderr, all } = await child;
    const reason = await stopper.settled();
    // The program ended well, but something that it left behind held its outputs until we ended that.
    problem = reason;
    if (reason) throw stopped(program, args, options, reason, redact(all));
    return { stdout, stderr, durationMs: Date.now() - started };
  } catch (error) {
    if (isTracewrightError(error)) throw error;
    const reason = await stopper.settled();
    problem = reason ?? howItEnded(error as ExecaError);
    const tail = redact((error as Partial<ExecaError<{ all: true }>>).all ?? '');
    throw reason
      ? stopped(program, args, options, reason, tail)
      : failed(program, args, options, error as ExecaError, tail);
  } finally {
    log?.end();
    await stopper.release();
    const call = { tool: baseName(program), name: verbsOf(args), startedAt: started, endedAt: Date.now() };
    options.owner?.called?.({ ...call, ...(problem !== undefined && { error: problem }) });
  }
}

/** Ends the group on cancellation or time-out; `settled` waits until that is done and says why. */
function watchForStop(
  child: Child,
  options: RunOptions,
): { settled: () => Promise<StopReason | undefined>; release: () => Promise<void> } {
  let reason: StopReason | undefined;
  let ending: Promise<unknown> | undefined;
  const { pid } = child;
  if (pid === undefined)
    return { settled: () => Promise.resolve(undefined), release: () => Promise.resolve() };
  const { owner } = options;
  const identity = identifyProcess(pid);
  void identity.then((known) => {
    if (known) owner?.started(known);
  });
  const stop = (why: StopReason): void => {
    reason ??= why;
    // Without an identity the leader is gone already, but it may have left members of its group behind.
    ending ??= identity.then((known) =>
      endProcess(known ?? { pid, startTime: '' }, { graceMs: options.graceMs ?? 10_000 }),
    );
  };
  const onAbort = (): void => {
    stop('cancelled');
  };
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const timer =
    options.timeoutMs === undefined ? undefined : setTimeout(stop, options.timeoutMs, 'timeout' as const);
  return {
    settled: async () => {
      await ending;
      return reason;
    },
    release: async () => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      const known = await identity;
      if (known) owner?.ended(known);
    },
  };
}

/** @returns the way into the log, to be ended with the program */
function followOutput(child: Child, { logFile, onLine }: RunOptions): Transform | undefined {
  if (onLine) createInterface({ input: child.all, crlfDelay: Infinity }).on('line', onLine);
  if (logFile === undefined) return undefined;
  const clean = redactLines();
  const file = createWriteStream(logFile, { flags: 'a', mode: 0o600 });
  // A full disk must not take the worker down with the log, nor stop the program: the tail for the error is kept in
  // memory anyway.
  file.on('error', () => clean.resume());
  child.all.pipe(clean).pipe(file);
  return clean;
}

function stopped(
  program: string,
  args: readonly string[],
  options: RunOptions,
  reason: StopReason,
  tail: string,
): TracewrightError {
  const seconds = Math.round((options.timeoutMs ?? 0) / 1000);
  return reason === 'cancelled'
    ? new TracewrightError({
        type: 'tool.cancelled',
        message: `${commandLine(program, args)} was stopped because its step was cancelled.`,
        remedy: cancelledRemedy,
        evidence: lastLines(tail),
      })
    : new TracewrightError({
        type: 'tool.timeout',
        message: `${commandLine(program, args)} did not end within ${String(seconds)} s and was stopped.`,
        remedy: 'Look at the last lines for what it waited for, then retry.',
        evidence: lastLines(tail),
      });
}

function failed(
  program: string,
  args: readonly string[],
  options: RunOptions,
  error: ExecaError,
  tail: string,
): TracewrightError {
  if (error.code === 'ENOENT') {
    return new TracewrightError({
      type: 'tool.missing',
      message: `${program} was not found.`,
      remedy: options.missingRemedy ?? `Install ${program} and make sure that it is on PATH.`,
      cause: error,
    });
  }
  return new TracewrightError({
    type: 'tool.failed',
    message: `${commandLine(program, args)} ended with ${howItEnded(error)}.`,
    remedy:
      options.logFile === undefined
        ? 'Look at its last lines.'
        : `Look at its last lines, or at ${options.logFile}.`,
    evidence: lastLines(tail),
    cause: error,
  });
}

function howItEnded({ signal, exitCode }: ExecaError): string {
  return signal === undefined ? `exit code ${String(exitCode)}` : `signal ${signal}`;
}

/** What a call does, without options and what follows them: `upgrade tempo`, `cluster create demo`. */
function verbsOf(args: readonly string[]): string {
  const end = args.findIndex((it) => !/^[a-z][\w.-]*$/iu.test(it));
  return args.slice(0, Math.min(3, end === -1 ? args.length : end)).join(' ');
}

const baseName = (program: string): string => program.split('/').at(-1) ?? program;

function commandLine(program: string, args: readonly string[]): string {
  const words = [baseName(program), ...args.slice(0, 6)];
  return redact(words.join(' ') + (args.length > 6 ? ' …' : ''));
}

function lastLines(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-tailLines);
}
