const unitMs = { s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** Milliseconds of `90s`, `5m` or `1h`. The stack schema has checked the form. */
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
