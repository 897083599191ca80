import { check, type Check } from '../../domain/check.js';
import { TracewrightError } from '../../domain/failure.js';
import type { EnvironmentSpec } from '../../domain/progress.js';
import type { Stack } from '../../domain/stack.js';
import type { ToolSource } from '../../tools/find-program.js';
import { permissionTexts, refusedOf, type Permission } from '../../tools/kubernetes/access.js';
import { isApiError } from '../../tools/kubernetes/api-error.js';
import { connectKubernetes, type Kubernetes } from '../../tools/kubernetes/connection.js';
import { findNamespace } from '../../tools/kubernetes/namespaces.js';
import { whatIsInTheWay } from './in-the-way.js';
import { neededPermissions, usualPermissions, type KnownCluster } from './permissions.js';

export interface KubeconfigPreflightOptions extends Pick<EnvironmentSpec, 'stack' | 'target' | 'adopt'> {
  readonly environment: string;
  readonly kubectl: ToolSource;
  readonly signal?: AbortSignal | undefined;
}

/** Looks whether an existing cluster can take the stack. Changes nothing in it. */
export async function preflightKubeconfig(options: KubeconfigPreflightOptions): Promise<Check[]> {
  const { target, stack, signal } = options;
  const { kubeconfigPath = '', context } = target;
  let kube: Kubernetes | undefined;
  try {
    const cluster = await check('cluster', async () => {
      kube = connectKubernetes({ kubeconfigPath, context, kubectl: options.kubectl });
      return `Kubernetes ${await kube.serverVersion(signal)} answers at ${kube.serverUrl}.`;
    });
    if (!kube || cluster.state === 'failed') return [cluster];
    const connected = kube;
    const permissions = await check('permissions', () => permissionsCheck(connected, stack, signal));
    // Whoever may not look at what is there gets to know just that.
    const others = permissions.state === 'failed' ? [] : await whatIsInTheWay(connected, options);
    return [cluster, permissions, ...others];
  } finally {
    kube?.close();
  }
}

async function permissionsCheck(
  kube: Kubernetes,
  stack: Stack,
  signal: AbortSignal | undefined,
): Promise<string | Omit<Check, 'name'>> {
  const needed = neededPermissions(stack, await lookAt(kube, stack, signal));
  const refused = await refusedOf(kube, [...needed, ...usualPermissions(stack)], signal);
  if (!refused)
    return {
      state: 'warning',
      detail: 'The API server does not tell what the user of this context may do: a step may be refused.',
    };
  const missing = refused.filter((permission) => needed.includes(permission));
  if (missing.length > 0) throw forbidden(kube, missing);
  if (refused.length === 0) return 'The user of this context may do what the stack needs.';
  return {
    state: 'warning',
    detail: `The user of this context may not ${listed(refused)}: ${consequenceOf(refused)}.`,
    remedy: remedyFor(refused),
  };
}

/** Of what charts may bring. */
function consequenceOf(refused: readonly Permission[]): string {
  const [onUp, onDown] = [
    'charts that bring such things will be refused',
    '`down` will fail at such things that charts brought',
  ];
  const late = refused.filter(({ verb }) => verb !== 'create').length;
  if (late === 0) return onUp;
  return late === refused.length ? onDown : `${onUp}, and ${onDown}`;
}

/** Which of the stack's namespaces and kinds there are. */
async function lookAt(
  kube: Kubernetes,
  { components }: Stack,
  signal: AbortSignal | undefined,
): Promise<KnownCluster> {
  const all = Object.values(components);
  const names = new Set(
    all.map(({ release, manifests }) => release?.namespace ?? manifests?.namespace ?? ''),
  );
  const namespaces = new Set<string>();
  for (const name of names) {
    // Who may not even look is told so by the permissions.
    const found = await findNamespace(kube, name, signal).catch((error: unknown) => {
      if (isApiError(error, 403)) return undefined;
      throw error;
    });
    if (found) namespaces.add(name);
  }
  const resources = new Map<string, Awaited<ReturnType<Kubernetes['discovery']['find']>>>();
  for (const { apiVersion, kind } of all.flatMap(({ manifests }) => manifests?.objects ?? []))
    resources.set(`${apiVersion} ${kind}`, await kube.discovery.find(apiVersion, kind, signal));
  return { namespaces, resourceOf: (apiVersion, kind) => resources.get(`${apiVersion} ${kind}`) };
}

function forbidden({ context }: Kubernetes, missing: readonly Permission[]): TracewrightError {
  return new TracewrightError({
    type: 'cluster.forbidden',
    message: `The user of the context ${context} may not do what the stack needs: ${listed(missing)}.`,
    remedy: remedyFor(missing),
    evidence: permissionTexts(missing),
  });
}

/** So many are named; a user who may nothing would fill the screen. */
const named = 6;

function listed(permissions: readonly Permission[]): string {
  const texts = permissionTexts(permissions);
  const rest = texts.length > named ? `, and ${String(texts.length - named)} more` : '';
  return texts.slice(0, named).join('; ') + rest;
}

function remedyFor([first]: readonly Permission[]): string {
  const { verb = '', resource = '', group = '', namespace } = first ?? {};
  const what = `${resource.split('/')[0] ?? ''}${group === '' ? '' : `.${group}`}`;
  const sub = resource.split('/')[1];
  const asked = [
    `kubectl auth can-i ${verb} ${what}`,
    ...(sub === undefined ? [] : [`--subresource=${sub}`]),
    ...(namespace === undefined ? [] : [`-n ${namespace}`]),
  ].join(' ');
  return `Choose a context whose user may do it with --context, or have it allowed; \`${asked}\` tells.`;
}
