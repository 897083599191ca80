import { formatDuration } from '../../domain/duration.js';
import type { Parameter } from '../../domain/parameter.js';
import type { EnvironmentSpec } from '../../domain/progress.js';
import { isSecretName, mask } from '../../tools/redact.js';
import { maskValue } from './mask-value.js';
import type { Setting } from './setting.js';

/** What an environment keeps of the flags of its last `up`. @param environment its name */
export function keptSettings(environment: string, spec: EnvironmentSpec): Setting[] {
  const { stack, target, failFast, adopt, parameters = [], ttlMs, verifyEveryMs } = spec;
  const kept = (name: string, value: string | undefined, means: string): Setting[] =>
    value === undefined
      ? []
      : [{ group: 'environment', name, value: maskValue(value), origin: { kind: 'up', environment }, means }];
  return [
    ...kept('--stack', stack.name, 'what is installed'),
    ...kept('--target', target.kind, 'where the cluster comes from'),
    ...kept('--kubeconfig', target.kubeconfigPath, 'how the cluster is reached'),
    ...kept('--context', target.context, 'which cluster of that file'),
    ...kept('--adopt', adopt && 'on', 'takes over what others made'),
    ...kept('--fail-fast', failFast ? 'on' : undefined, 'ends at the first failed step'),
    ...kept('--ttl', lifeText(ttlMs), 'how long it lives'),
    ...kept('--verify-every', lifeText(verifyEveryMs), 'how often it proves itself again'),
    ...parameters.flatMap((it) =>
      kept(...parameterText(it), 'changes Helm values; --reset-values forgets it'),
    ),
  ];
}

function lifeText(ms: number | undefined): string | undefined {
  return ms === 0 ? 'never' : ms === undefined ? undefined : formatDuration(ms);
}

/** `--set tempo.values.replicas=2` → `--set tempo.values.replicas`, `2`. */
function parameterText({ given, path }: Parameter): [name: string, value: string] {
  const [name = given, ...value] = given.split('=');
  return [name, isSecretName(String(path.at(-1))) ? mask : value.join('=')];
}
