import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Of the user's own helm: what could lead ours astray. The login of an OCI registry (HELM_REGISTRY_CONFIG) is left. */
const unset = [
  'NAMESPACE',
  'KUBECONTEXT',
  'KUBEAPISERVER',
  'KUBETOKEN',
  'KUBEASUSER',
  'KUBEASGROUPS',
  'KUBECAFILE',
  'KUBEINSECURE_SKIP_TLS_VERIFY',
  'KUBETLS_SERVER_NAME',
  'PLUGINS',
  'REPOSITORY_CACHE',
  'REPOSITORY_CONFIG',
  'CONTENT_CACHE',
  'DEBUG',
  'MAX_HISTORY',
  'DRIVER_SQL_CONNECTION_STRING',
];

/** Makes the folder of a helm of ours, and says with which variables helm keeps to it. */
export async function homeOf(folder: string): Promise<Record<string, string | undefined>> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return {
    ...Object.fromEntries(unset.map((name) => [`HELM_${name}`, undefined])),
    HELM_DRIVER: 'secret',
    HELM_CACHE_HOME: join(folder, 'cache'),
    HELM_CONFIG_HOME: join(folder, 'config'),
    HELM_DATA_HOME: join(folder, 'data'),
    // Colours would stand in the log and in errors.
    NO_COLOR: '1',
  };
}
