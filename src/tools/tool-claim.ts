import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { liveHolder, withLock } from './lock.js';
import { endProcess, isAlive, type ProcessIdentity } from './process-identity.js';
import { findMarked, readRecord, writeRecord } from './process-record.js';
import type { ProcessOwner } from './process.js';
import { requireWritable, stateFolder } from './writable-folder.js';

/** The variable that marks what an attempt started. */
export const attemptMark = 'TRACEWRIGHT_ATTEMPT';

/**
 * What an attempt leaves on disk while it runs, `<component>.json` (0600): its mark, and which programs run. After a
 * `kill -9` of the worker it is still there, and tells the next one what to end.
 */
export interface AttemptRecord {
  /** `<component>-<random>`: the value of `attemptMark` for every program of the attempt, and their children. */
  readonly mark: string;
  readonly processes: readonly ProcessIdentity[];
  /** See `ClaimOptions`. */
  readonly token?: string;
}

export interface ClaimOptions {
  /** Of the environment, absolute; made with mode 0700. */
  readonly folder: string;
  /** Whose tools: the name of a component, or `cluster`. */
  readonly component: string;
  /** Programs of earlier attempts that are known from elsewhere. */
  readonly survivors?: readonly ProcessIdentity[];
  /** By which others know the attempt; kept in its record, for `lostAttempts`. */
  readonly token?: string;
  readonly signal?: AbortSignal | undefined;
  /** For people: what holds the claim up. */
  readonly onProgress?: ((text: string) => void) | undefined;
  /** Told of a program that had to be ended. */
  readonly onSurvivor?: ((survivor: ProcessIdentity) => void) | undefined;
  /** Told of the programs that run, whenever that changes. */
  readonly onChange?: ((processes: readonly ProcessIdentity[]) => void) | undefined;
  /** Told of every call of a program when it is over. */
  readonly onCall?: ProcessOwner['called'] | undefined;
}

/**
 * Runs `work` while it alone may start programs for the component on this machine. What an earlier attempt left running
 * is ended first: what its record names, what carries its mark (should it have died before it could write a pid down),
 * and what `survivors` names. A process that merely has the pid of one of them is left alone.
 * @throws TracewrightError `state.locked` when another attempt does not end, `step.cancelled`, `state.disk-full`
 */
export async function withTools<T>(
  options: ClaimOptions,
  work: (owner: ProcessOwner) => Promise<T>,
): Promise<T> {
  const { folder, component, signal, onProgress } = options;
  await requireWritable(folder, stateFolder);
  const onWait = ({ pid }: ProcessIdentity): void => {
    onProgress?.(`waiting for another attempt to end (process ${String(pid)})`);
  };
  return withLock(lockPath(folder, component), { signal, onWait }, async () => {
    await endSurvivors(options);
    const attempt = openRecord(options);
    try {
      return await work(attempt.owner);
    } finally {
      if (!attempt.isBusy()) await rm(recordPath(folder, component), { force: true });
    }
  });
}

/**
 * The tokens of attempts that died without an end of their own: their record is there, and nobody alive holds their
 * claim.
 */
export async function lostAttempts(folder: string): Promise<string[]> {
  const tokens = (await componentsIn(folder)).map(async (component) => {
    // In this order: a new attempt may take the claim meanwhile, and its token must not be taken for a lost one.
    const { token } = (await readRecord<AttemptRecord>(recordPath(folder, component))) ?? {};
    return token === undefined || (await liveHolder(lockPath(folder, component))) ? [] : [token];
  });
  return (await Promise.all(tokens)).flat();
}

/** Ends what attempts that died left running for all components but this one; waits for those that live. */
export async function endOtherTools(options: Omit<ClaimOptions, 'survivors' | 'token'>): Promise<void> {
  const others = (await componentsIn(options.folder)).filter((component) => component !== options.component);
  await Promise.all(others.map((component) => withTools({ ...options, component }, () => Promise.resolve())));
}

/** Those that have a record or a lock. */
async function componentsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return [...new Set(names.flatMap((name) => /^(.+)\.(?:json|lock)$/u.exec(name)?.[1] ?? []))];
}

async function endSurvivors(options: ClaimOptions): Promise<void> {
  const { folder, component, survivors = [], onProgress, onSurvivor } = options;
  const record = await readRecord<AttemptRecord>(recordPath(folder, component));
  const end = async (identity: ProcessIdentity, group: boolean): Promise<void> => {
    if (await isAlive(identity)) onProgress?.(`ending process ${String(identity.pid)} of an earlier attempt`);
    if ((await endProcess(identity, { group })) !== 'gone') onSurvivor?.(identity);
  };
  await Promise.all([...(record?.processes ?? []), ...survivors].map((identity) => end(identity, true)));
  if (!record) return;
  const marked = await findMarked({ variable: attemptMark, value: record.mark });
  await Promise.all(marked.map((identity) => end(identity, false)));
}

/** Only the first write must succeed: on a disk that fills up later the mark is enough. */
function openRecord({ folder, component, token, onChange, onCall }: ClaimOptions): {
  owner: ProcessOwner;
  isBusy: () => boolean;
} {
  const mark = `${component}-${randomBytes(8).toString('hex')}`;
  let processes: readonly ProcessIdentity[] = [];
  const write = (): void => {
    const record: AttemptRecord = { mark, processes, ...(token !== undefined && { token }) };
    writeRecord(recordPath(folder, component), record);
  };
  const change = (now: readonly ProcessIdentity[]): void => {
    processes = now;
    onChange?.(now);
    try {
      write();
    } catch {
      // The disk is full; see above.
    }
  };
  write();
  return {
    owner: {
      env: { [attemptMark]: mark },
      started: (identity) => {
        change([...processes, identity]);
      },
      ended: ({ pid }) => {
        change(processes.filter((it) => it.pid !== pid));
      },
      ...(onCall && { called: onCall }),
    },
    isBusy: () => processes.length > 0,
  };
}

const recordPath = (folder: string, component: string): string => join(folder, `${component}.json`);
const lockPath = (folder: string, component: string): string => join(folder, `${component}.lock`);
