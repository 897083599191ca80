const unitMs = { s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** How durations are written, in stack files and on the command line: `90s`, `30m`, `4h`. */
export const durationPattern = /^\d+(s|m|h)$/u;

/** The end of a sentence about a text that `durationPattern` does not match. */
export const durationRule = 'must be a number with s, m or h, such as 90s, 30m or 4h';

/** Milliseconds of a text that `durationPattern` matches. */
export function durationMs(text: string): number {
  const unit = text.at(-1) as keyof typeof unitMs;
  return Number(text.slice(0, -1)) * unitMs[unit];
}

/** `0.4 s`, `42 s`, `3 min 05 s`: what a person wants to read. */
export function formatDuration(ms: number): string {
  const seconds = ms / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${String(Math.round(seconds))} s`;
  const whole = Math.round(seconds);
  return `${String(Math.floor(whole / 60))} min ${String(whole % 60).padStart(2, '0')} s`;
}

/** At most 8 columns: `0.05 ms`, `7.2 ms`, `704 ms`, `1.20 s`, `75 s`, `12 min`. */
export function formatMs(ms: number): string {
  if (ms < 0.995) return `${ms.toFixed(2)} ms`;
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  if (ms < 9_995) return `${(ms / 1_000).toFixed(2)} s`;
  if (ms < 599_500) return `${(ms / 1_000).toFixed(0)} s`;
  return `${(ms / 60_000).toFixed(0)} min`;
}

/** `1 span`, `2 spans`. */
export function countOf(count: number, noun: string): string {
  return `${String(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `just now`, `4 min ago`, `2 h ago`, `3 days ago`. @param ms since it happened */
export function agoText(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 120) return `${String(minutes)} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${String(hours)} h ago` : `${String(Math.floor(hours / 24))} days ago`;
}
