import type { Pod } from '../objects.js';

/** What has crashed must run for so long before it counts as ready, in milliseconds. */
const trialMs = 10_000;

/**
 * A container without a readiness probe counts as ready whenever it runs, between two crashes, too. This looks how long
 * those that have crashed have been running: by the clock of their node, or by ours since we first saw them.
 */
export function createTrust(now: () => number = Date.now): {
  /** Which container is not to be trusted yet, in words; `undefined` when all are. */
  doubtOf: (pods: readonly Pod[]) => string | undefined;
} {
  const seen = new Map<string, number>();
  return {
    doubtOf(pods) {
      for (const { metadata, status } of pods)
        for (const { name, restartCount = 0, state } of status?.containerStatuses ?? []) {
          if (restartCount === 0 || !state?.running) continue;
          const key = [metadata.uid ?? metadata.name, name, restartCount].join(' ');
          const first = seen.get(key) ?? now();
          seen.set(key, first);
          const started = Date.parse(state.running.startedAt ?? '') || first;
          if (now() - Math.min(started, first) < trialMs)
            return `container ${name} has crashed ${String(restartCount)}×, and runs for less than ${String(trialMs / 1000)} s`;
        }
      return undefined;
    },
  };
}
