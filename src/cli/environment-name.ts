/** A Kubernetes-style name: it becomes part of workflow ids, folders and labels. */
const pattern = /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/u;

/** The end of a sentence about a name that does not fit. */
export const environmentNameRule =
  'It must be 1 to 40 lower-case letters, digits and dashes, with no dash at its ends.';

/** Whether an environment may be called so. */
export function isEnvironmentName(value: string): boolean {
  return pattern.test(value);
}
