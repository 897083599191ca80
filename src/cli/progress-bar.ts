/**
 * `████████░░░░ 41 %`: exactly `columns` + 6 columns wide.
 * @param percent 0 to 100; what lies outside is taken as the nearest
 */
export function progressBar(percent: number, columns: number): string {
  const whole = Math.min(100, Math.max(0, Math.floor(percent)));
  const full = Math.round((whole * columns) / 100);
  return `${'█'.repeat(full)}${'░'.repeat(columns - full)} ${String(whole).padStart(3)} %`;
}
