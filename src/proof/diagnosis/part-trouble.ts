import type { ServiceAddress } from '../cluster-access.js';
import type { PartFacts, PodFacts, WorkloadFacts } from './facts.js';

/** Why a part of the stack gives no answer, as a sentence, and the cure. */
export interface PartTrouble {
  readonly why: string;
  readonly cure: string;
  /** It may pass by itself: a pod that is starting. */
  readonly passing: boolean;
}

/** What keeps a part from answering at its Service; undefined when nothing is known to. */
export function partTrouble(
  title: string,
  address: ServiceAddress,
  part: PartFacts,
): PartTrouble | undefined {
  const { namespace, service: name, port } = address;
  const { service, workload } = part;
  const lasting = (why: string, cure: string): PartTrouble => ({ why, cure, passing: false });
  if (service === 'absent')
    return lasting(
      `There is no Service ${name} in the namespace ${namespace}.`,
      `Correct the name in the stack file (kubectl -n ${namespace} get services), or have the Service made again: tracewright up`,
    );
  if (service && !service.ports.includes(port))
    return lasting(
      `The Service ${name} in ${namespace} has no port ${String(port)}; it has ${service.ports.join(', ')}.`,
      `Correct the port in the stack file, or that of the Service: kubectl -n ${namespace} edit service ${name}`,
    );
  if (!workload) return undefined;
  if (workload === 'absent')
    return lasting(
      `No workload stands behind the Service ${name} in ${namespace}: no pod fits its selector${selectorText(service)}.`,
      `Correct the selector of the Service (kubectl -n ${namespace} edit service ${name}), or have made again what should stand behind it: tracewright up`,
    );
  if (workload.replicas === 0)
    return lasting(
      `${title} does not run: ${workload.name} in ${namespace} is scaled to 0.`,
      scaleUp(namespace, workload),
    );
  if (workload.pods.some(({ ready }) => ready)) return undefined;
  return podTrouble(title, namespace, workload);
}

function selectorText(service: PartFacts['service']): string {
  const labels = Object.entries((service && service !== 'absent' && service.selector) || {});
  return labels.length === 0 ? '' : ` ${labels.map((label) => label.join('=')).join(',')}`;
}

function scaleUp(namespace: string, { name, owner }: WorkloadFacts): string {
  return owner === undefined
    ? `kubectl -n ${namespace} scale ${name} --replicas=1`
    : `Set spec.replicas of the ${owner} in ${namespace} to 1: it makes ${name}.`;
}

function podTrouble(title: string, namespace: string, { name, pods }: WorkloadFacts): PartTrouble {
  const pod = pods.find(({ lastLines }) => lastLines.length > 0) ?? pods[0];
  if (!pod) {
    return {
      why: `${title} does not run: ${name} in ${namespace} has no pods.`,
      cure: `See why none is made: kubectl -n ${namespace} describe ${name}`,
      passing: true,
    };
  }
  const said = tellingLine(pod);
  const crashed = pod.lastLines.length > 0;
  return {
    why: `${title} does not run: pod ${pod.name}: ${pod.trouble ?? 'not ready'}${said === undefined ? '.' : `, and said: ${said}`}`,
    cure: crashed
      ? `Correct its configuration. Its log: kubectl -n ${namespace} logs ${pod.name} --previous`
      : `See what it waits for: kubectl -n ${namespace} describe pod ${pod.name}`,
    passing: !crashed,
  };
}

/**
 * Of the last words of a crash the most exact ones: errors go from the general to the special, then come stack traces.
 */
function tellingLine({ lastLines }: PodFacts): string | undefined {
  const index = lastLines.findLastIndex((line) => /error|fatal|panic|invalid|unknown|failed/iu.test(line));
  const line = lastLines.at(index);
  // "yaml: unmarshal errors:" leaves the point to the next line.
  return line?.endsWith(':') ? [line, lastLines[index + 1]?.trim()].join(' ').trim() : line;
}
