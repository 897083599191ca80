import { delimiter } from 'node:path';
import { kubeconfigPaths, type Config } from '../../config.js';
import { maskValue } from './mask-value.js';
import type { Setting, SettingOrigin } from './setting.js';

/** Variables that other programs define, and what we, or the programs that we start, do with them. */
const variables: readonly (readonly [variable: string, means: string])[] = [
  ['DOCKER_HOST', 'the Docker engine of the target k3d'],
  ['DOCKER_CONTEXT', 'the Docker engine of the target k3d'],
  ['HTTP_PROXY', 'the proxy for downloads over http'],
  ['HTTPS_PROXY', 'the proxy for downloads over https'],
  ['NO_PROXY', 'what is reached without the proxy'],
  ['GOPROXY', 'where Go modules come from'],
  ['PIP_INDEX_URL', 'where the Temporal CLI comes from'],
  ['npm_config_registry', 'where Helm comes from'],
  ['NO_COLOR', 'no colours'],
  ['CI', 'one line an event, also in a terminal'],
];

/** What Tracewright reads, or hands on, of what was made for other programs. Those that are not set have no value. */
export function surroundings(config: Pick<Config, 'environment'>): Setting[] {
  const { environment } = config;
  const kubeconfig: Setting = {
    group: 'surroundings',
    name: 'kubeconfig',
    value: kubeconfigPaths(config).join(delimiter),
    origin: environment['KUBECONFIG'] ? { kind: 'variable', variable: 'KUBECONFIG' } : { kind: 'default' },
    means: 'where existing clusters are looked up',
  };
  return [kubeconfig, ...variables.map(([variable, means]) => setting(environment, variable, means))];
}

/** Proxies are also taken from variables in lower-case letters. */
function setting(environment: Config['environment'], variable: string, means: string): Setting {
  const found = [variable, ...(variable.endsWith('_PROXY') ? [variable.toLowerCase()] : [])].find(
    (it) => environment[it],
  );
  const origin: SettingOrigin = { kind: 'variable', variable: found ?? variable };
  const value = found === undefined ? undefined : environment[found];
  const common = { group: 'surroundings', name: variable, means } as const;
  return value === undefined
    ? { ...common, origin: { kind: 'default' } }
    : { ...common, value: maskValue(value), origin };
}
