import { TracewrightError } from '../domain/failure.js';
import type { ProofSpec } from '../domain/stack.js';
import type { Kubernetes } from '../tools/kubernetes/connection.js';
import { readSecret } from '../tools/kubernetes/secret.js';
import type { GrafanaLogin } from './grafana.js';

/** What the stack says of its Grafana. */
type GrafanaSpec = Exclude<ProofSpec['grafana'], { skip: string }>;

/**
 * The login that the Secret of the stack holds, read anew for each verification; `undefined` when the stack names none.
 * @throws TracewrightError `proof.grafana-failed` when the Secret, or a key of it, is not there; `cluster.*`
 */
export async function readGrafanaLogin(
  cluster: Pick<Kubernetes, 'json'>,
  { namespace, secret }: Pick<GrafanaSpec, 'namespace' | 'secret'>,
  signal?: AbortSignal,
): Promise<GrafanaLogin | undefined> {
  if (!secret) return undefined;
  const { name, userKey, passwordKey } = secret;
  const values = await readSecret(cluster, { namespace, name }, signal);
  const [user, password] = [values?.[userKey], values?.[passwordKey]];
  if (user !== undefined && password !== undefined) return { user, password };
  const missing = user === undefined ? userKey : passwordKey;
  throw new TracewrightError({
    type: 'proof.grafana-failed',
    message: values
      ? `The Secret ${namespace}/${name} has no ${missing}, so nobody can log in to Grafana.`
      : `There is no Secret ${namespace}/${name} with the login of Grafana.`,
    remedy:
      'Correct proof.grafana.secret in the stack file; `kubectl get secrets` names those of the namespace.',
    retryable: false,
  });
}
