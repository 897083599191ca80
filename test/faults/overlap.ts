import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterStep } from '../../src/domain/plan.js';
import { attemptMark } from '../../src/tools/tool-claim.js';

/** A process with the mark of an attempt. */
interface Marked {
  readonly mark: string;
  readonly group: number;
}

/** Between two looks at all processes; in milliseconds. */
const everyMs = 100;

/**
 * Looks all the time which tools of the state folder run, and notes when two of one component do: of two attempts, or
 * (but for the cluster, whose build compiles side by side) in two process groups.
 */
export function watchOverlap(stateDir: string): { stop: () => Promise<string[]> } {
  const stopping = new AbortController();
  const overlaps = new Set<string>();
  const known: Known = new Map();
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      for (const overlap of overlapsOf(await toolsOf(stateDir, known))) overlaps.add(overlap);
      await sleep(everyMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await watching;
      return [...overlaps];
    },
  };
}

function overlapsOf(tools: readonly Marked[]): string[] {
  const byComponent = new Map<string, Marked[]>();
  for (const tool of tools) {
    const component = tool.mark.slice(0, tool.mark.lastIndexOf('-'));
    byComponent.set(component, [...(byComponent.get(component) ?? []), tool]);
  }
  return [...byComponent].flatMap(([component, running]) => {
    const marks = new Set(running.map(({ mark }) => mark));
    const groups = new Set(running.map(({ group }) => group));
    const together = component === clusterStep ? marks.size : Math.max(marks.size, groups.size);
    return together > 1 ? [`${component}: process groups ${[...groups].join(' and ')}`] : [];
  });
}

/**
 * What is known of a process, by its pid and start time, so that its environment is read seldom. That of a process
 * without a mark is read twice: between fork and exec it still has its parent's.
 */
type Known = Map<string, Marked | 'unmarked once' | 'unmarked'>;

async function toolsOf(stateDir: string, known: Known): Promise<Marked[]> {
  const tools: Marked[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/u.test(name))) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
    if (fields[0] === undefined || fields[0] === 'Z' || fields[0] === 'X') continue;
    const key = `${pid} ${fields[19] ?? ''}`;
    const before = known.get(key);
    if (before === 'unmarked') continue;
    const unmarked = before === undefined ? 'unmarked once' : 'unmarked';
    const now =
      typeof before === 'object' ? before : ((await readMark(stateDir, pid, Number(fields[2]))) ?? unmarked);
    known.set(key, now);
    if (typeof now === 'object') tools.push(now);
  }
  return tools;
}

async function readMark(stateDir: string, pid: string, group: number): Promise<Marked | undefined> {
  const variables = (await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')).split('\0');
  if (!variables.includes(`TRACEWRIGHT_STATE_DIR=${stateDir}`)) return undefined;
  const mark = variables.find((variable) => variable.startsWith(`${attemptMark}=`));
  return mark === undefined ? undefined : { mark: mark.slice(attemptMark.length + 1), group };
}
