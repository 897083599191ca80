import { cpus } from 'node:os';
import { seconds, type Row } from './table.js';

/** How much the processors worked for a while. */
export interface Sample {
  /** Milliseconds since the watch began. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Of all processors' time, between 0 and 1. */
  readonly busy: number;
  /** What was going on at its end. */
  readonly doing: string;
}

const [everyMs, idleBelow] = [2_500, 0.75];

/** Samples the processors of the whole machine every 2.5 s. `doing` says what is going on. @returns what ends it */
export function watchProcessors(doing: () => string): () => readonly Sample[] {
  const samples: Sample[] = [];
  const began = performance.now();
  let [before, fromMs] = [processorTimes(), 0];
  const take = (): void => {
    const [now, toMs] = [processorTimes(), performance.now() - began];
    const [worked, idle] = [now.worked - before.worked, now.idle - before.idle];
    if (worked + idle > 0) samples.push({ fromMs, toMs, busy: worked / (worked + idle), doing: doing() });
    [before, fromMs] = [now, toMs];
  };
  const timer = setInterval(take, everyMs);
  return () => {
    clearInterval(timer);
    take();
    return samples;
  };
}

/** Rows: how much the processors worked in all, and each stretch in which less than three quarters of them did. */
export function processorRows(samples: readonly Sample[]): Row[] {
  return [
    ['  the processors work', percent(busyOf(samples)), ''],
    ...idleStretches(samples).map((stretch): Row => {
      const [first, last] = [stretch[0], stretch.at(-1)];
      return [
        `    ${seconds(first?.fromMs ?? 0)} to ${seconds(last?.toMs ?? 0)}`,
        `${percent(busyOf(stretch))}: ${last?.doing ?? ''}`,
        '',
      ];
    }),
  ];
}

/** Neighbours that are all below three quarters. */
export function idleStretches(samples: readonly Sample[]): readonly (readonly Sample[])[] {
  const stretches: Sample[][] = [];
  let open: Sample[] | undefined;
  for (const sample of samples) {
    if (sample.busy >= idleBelow) open = undefined;
    else if (open) open.push(sample);
    else stretches.push((open = [sample]));
  }
  return stretches;
}

function busyOf(samples: readonly Sample[]): number {
  const lengths = samples.map(({ fromMs, toMs }) => toMs - fromMs);
  const worked = samples.map(({ busy }, index) => busy * (lengths[index] ?? 0));
  return sum(worked) / sum(lengths);
}

/** Since boot, of all processors, in milliseconds. Work is that of users, nice ones, the kernel, and interrupts. */
export function processorTimes(): { worked: number; idle: number } {
  const times = cpus().map((cpu) => cpu.times);
  return {
    worked: sum(times.map(({ user, nice, sys, irq }) => user + nice + sys + irq)),
    idle: sum(times.map(({ idle }) => idle)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}
