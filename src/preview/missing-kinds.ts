import { TracewrightError, type Failure } from '../domain/failure.js';
import type { KubernetesObjectSpec, Stack } from '../domain/stack.js';
import type { Kubernetes } from '../tools/kubernetes/connection.js';
import { definitionKind } from '../tools/kubernetes/definitions.js';

type Sent = Readonly<Record<string, readonly KubernetesObjectSpec[]>>;

/**
 * Finds the components whose objects are of kinds that nobody will have brought by then: neither the cluster nor the
 * component itself nor anything that it needs. A kind that no component brings may still come at run time, by an
 * operator among what the component needs.
 * @param sent what each component sends to the cluster
 * @param kube `undefined` where there is no cluster yet: it is taken to have all kinds that no component brings
 * @returns by component, a failure `manifest.unknown-kind`
 */
export async function missingKinds(
  stack: Stack,
  sent: Sent,
  kube: Kubernetes | undefined,
  signal: AbortSignal | undefined,
): Promise<Readonly<Record<string, Failure>>> {
  const bringers = bringersIn(sent);
  const found: Record<string, Failure> = {};
  for (const [component, objects] of Object.entries(sent)) {
    const needed = transitiveNeeds(stack, component);
    for (const { apiVersion, kind } of objects) {
      const brought = bringers.get(keyOf(groupOf(apiVersion), kind)) ?? [];
      if (brought.some((name) => name === component || needed.has(name))) continue;
      const mayComeLater = [...needed].some((name) => stack.components[name]?.release);
      if (brought.length === 0 && (!kube || mayComeLater)) continue;
      if (kube && (await kube.discovery.find(apiVersion, kind, signal))) continue;
      found[component] = missingKind(component, `${kind} of ${apiVersion}`, brought).toFailure();
      break;
    }
  }
  return found;
}

function missingKind(component: string, what: string, [bringer]: readonly string[]): TracewrightError {
  return new TracewrightError({
    type: 'manifest.unknown-kind',
    message:
      bringer === undefined
        ? `The component ${component} has objects of the kind ${what}, which the cluster does not know and no component brings.`
        : `The component ${component} has objects of the kind ${what}, which ${bringer} brings, but does not need it.`,
    remedy:
      bringer === undefined
        ? 'Add the component that brings its CustomResourceDefinition, or turn these objects off in the values.'
        : `Add \`needs: [${bringer}]\` to the component ${component} in the stack file.`,
  });
}

/** Which components bring the definition of a kind. */
function bringersIn(sent: Sent): ReadonlyMap<string, readonly string[]> {
  const bringers = new Map<string, string[]>();
  for (const [component, objects] of Object.entries(sent))
    for (const object of objects.filter(({ kind }) => kind === definitionKind.kind)) {
      const { group, names } = object['spec'] as { group: string; names: { kind: string } };
      const key = keyOf(group, names.kind);
      bringers.set(key, [...(bringers.get(key) ?? []), component]);
    }
  return bringers;
}

const keyOf = (group: string, kind: string): string => `${group}/${kind}`;

const groupOf = (apiVersion: string): string => {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
};

function transitiveNeeds({ components }: Stack, component: string): ReadonlySet<string> {
  const all = new Set(components[component]?.needs);
  // Transitive closure.
  for (const name of all) for (const need of components[name]?.needs ?? []) all.add(need);
  return all;
}
