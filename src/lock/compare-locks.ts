import type { Lock } from './lock-file.js';

export interface LockDifference {
  /** A component's chart, or an image. */
  readonly what: string;
  /** `undefined` where it is new. */
  readonly before: string | undefined;
  /** `undefined` where it is gone. */
  readonly after: string | undefined;
}

/** What has another digest, has come, or has gone. */
export function compareLocks(before: Lock, after: Lock): LockDifference[] {
  const flat = ({ charts, images }: Lock): Map<string, string> =>
    new Map([
      ...Object.entries(charts).map(([name, it]) => [`chart ${name} (${it.source})`, it.digest] as const),
      ...Object.entries(images).map(([name, digest]) => [`image ${name}`, digest] as const),
    ]);
  const [old, now] = [flat(before), flat(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((what) => old.get(what) !== now.get(what))
    .map((what) => ({ what, before: old.get(what), after: now.get(what) }));
}
