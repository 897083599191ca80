import type { Page } from '../domain/pages.js';
import type { PageSpec } from '../domain/stack.js';
import { TracewrightError } from '../domain/failure.js';
import type { Kubernetes } from '../tools/kubernetes/connection.js';
import { readSecret } from '../tools/kubernetes/secret.js';

/**
 * How one logs in. The Secret is read only when the password is to be shown.
 * @throws TracewrightError `page.unavailable` when it, or a key of it, is not there, `cluster.*`
 */
export async function loginText(
  kube: Kubernetes,
  { namespace }: Page,
  { secret, userKey, passwordKey }: NonNullable<PageSpec['login']>,
  showPassword: boolean,
): Promise<string> {
  const where = `the Secret ${namespace}/${secret}`;
  if (!showPassword) return `login: in ${where}; --show-password prints it`;
  const values = await readSecret(kube, { namespace, name: secret });
  const [user, password] = [values?.[userKey], values?.[passwordKey]];
  if (user !== undefined && password !== undefined) return `login: ${user}, password: ${password}`;
  throw new TracewrightError({
    type: 'page.unavailable',
    message: values
      ? `There is no ${user === undefined ? userKey : passwordKey} in ${where}.`
      : `There is no Secret ${namespace}/${secret}, where the login should be.`,
    remedy: 'Correct `login` of the page in the stack file.',
  });
}
