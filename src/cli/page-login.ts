import type { Page } from '../domain/pages.js';
import type { PageSpec } from '../domain/stack.js';
import { TracewrightError } from '../domain/failure.js';
import type { Kubernetes } from '../tools/kubernetes/connection.js';

interface Secret {
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * How one logs in. The Secret is read only when the password is to be shown.
 * @throws TracewrightError `page.unavailable` when it lacks the keys, `cluster.*`
 */
export async function loginText(
  kube: Kubernetes,
  { namespace }: Page,
  { secret, userKey, passwordKey }: NonNullable<PageSpec['login']>,
  showPassword: boolean,
): Promise<string> {
  const where = `the Secret ${namespace}/${secret}`;
  if (!showPassword) return `login: in ${where}; --show-password prints it`;
  const { data = {} } = await kube.json<Secret>({
    path: `/api/v1/namespaces/${namespace}/secrets/${secret}`,
  });
  const [user, password] = [userKey, passwordKey].map((key) => decoded(data[key]));
  if (user !== undefined && password !== undefined) return `login: ${user}, password: ${password}`;
  throw new TracewrightError({
    type: 'page.unavailable',
    message: `There is no ${user === undefined ? userKey : passwordKey} in ${where}.`,
    remedy: 'Correct `login` of the page in the stack file.',
  });
}

function decoded(base64: string | undefined): string | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('utf8');
}
