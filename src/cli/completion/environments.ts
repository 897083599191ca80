/**
 * A line of POSIX shell that prints the names of the environments that this machine has a folder of. Asking the
 * Temporal server would be exact, and too slow for a Tab.
 */
export const listEnvironmentsLine =
  '(cd "${TRACEWRIGHT_STATE_DIR:-${XDG_STATE_HOME:-$HOME/.local/state}/tracewright}/environments" 2>/dev/null && ls)';

/** Between single quotes of a shell. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
