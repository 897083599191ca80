/** Addresses inside a cluster that must never be asked of a proxy: pods, services, Docker's networks, names. */
const clusterAddresses = [
  '127.0.0.0/8',
  'localhost',
  // k3s: --cluster-cidr and --service-cidr
  '10.42.0.0/16',
  '10.43.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '.svc',
  '.cluster.local',
  'host.k3d.internal',
] as const;

const proxyVariables = ['HTTP_PROXY', 'HTTPS_PROXY'] as const;

type Variables = Readonly<Record<string, string | undefined>>;

function valueOf(variables: Variables, name: string): { name: string; value: string } | undefined {
  for (const variant of [name, name.toLowerCase()]) {
    const value = variables[variant];
    if (value) return { name: variant, value };
  }
  return undefined;
}

/**
 * Variables for the nodes of a machine behind a proxy, as k3d writes them: without the cluster's own addresses among
 * the exceptions, nothing in it would find anything (k3d#339). Empty where there is no proxy.
 */
export function nodeProxies(cluster: string, variables: Variables): string[] {
  const proxies = proxyVariables.flatMap((name) => {
    const found = valueOf(variables, name);
    return found ? [`${name}=$${found.name}`] : [];
  });
  if (proxies.length === 0) return [];
  const exceptions = [
    ...(valueOf(variables, 'NO_PROXY')?.value.split(',') ?? []),
    ...clusterAddresses,
    `k3d-${cluster}-server-0`,
    `k3d-${cluster}-serverlb`,
  ];
  return [
    ...proxies,
    `NO_PROXY=${[...new Set(exceptions.map((it) => it.trim()).filter(Boolean))].join(',')}`,
  ];
}

/** The proxy that only this machine can reach and no container; `undefined` when there is none such. */
export function loopbackProxy(variables: Variables): string | undefined {
  return proxyVariables.find((name) =>
    /^(?:\w+:\/\/)?(?:[^@/]*@)?(?:localhost|127\.|\[::1\])/u.test(valueOf(variables, name)?.value ?? ''),
  );
}
