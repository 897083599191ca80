import {
  chmod,
  copyFile,
  cp,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { defaultK3dSettings } from '../../../src/domain/k3d-settings.js';
import type { EmbeddedPrograms } from '../../../src/targets/embedded/build/store.js';
import { imagesOf } from '../../../src/targets/embedded/node-config.js';
import { findHostPrograms } from '../../../src/targets/embedded/programs.js';
import { clusterFolder } from '../../../src/targets/embedded/folder.js';
import { k3dModule } from '../../../src/targets/k3d/provide.js';
import { provideKubectl } from '../../../src/tools/helm-binary.js';
import type { DockerEngine } from '../docker/engine.js';
import { copyInto, copyPrograms, importRoot, makeRoot } from '../docker/images.js';
import { unpackedPackages } from '../docker/package.js';
import { kubectlWith } from '../kubectl.js';

/** Of k3d's entrypoint and of the scripts here. */
const shell = [
  ...[
    'bash',
    'awk',
    'cat',
    'cksum',
    'cp',
    'cut',
    'date',
    'dirname',
    'env',
    'grep',
    'kill',
    'ln',
    'ls',
    'mkdir',
  ],
  ...['mv', 'rm', 'sed', 'sleep', 'tail', 'touch', 'tr', 'xargs'],
];

/** What the kubelet, kube-proxy and containerd call besides what the product names. */
const nodePrograms = [
  ...['iptables-save', 'iptables-restore', 'ip6tables', 'ip6tables-save', 'ip6tables-restore'],
  ...['umount', 'nsenter', 'mkfs.ext4', 'find', 'du'],
];

/** The images that the real k3d asks for, by the name that it gives them. */
export const imageNames = {
  k3s: defaultK3dSettings.image,
  loadBalancer: `ghcr.io/k3d-io/k3d-proxy:${k3dModule.version}`,
  tools: `ghcr.io/k3d-io/k3d-tools:${k3dModule.version}`,
};

/**
 * Gives an engine the images that the real k3d starts, under their published names. Of k3s it is its contract with k3d
 * that is kept (k3s.sh), around the Kubernetes of the embedded build; the load balancer is Debian's nginx.
 * @param build with the images that the cluster shall have
 */
export async function loadK3dImages(engine: DockerEngine, build: EmbeddedPrograms): Promise<void> {
  await withRoot(async (root) => {
    await makeK3s(root, build);
    await importRoot(engine, root, {
      name: imageNames.k3s,
      changes: [
        'ENTRYPOINT ["/bin/k3s"]',
        'CMD ["agent"]',
        'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin KUBECONFIG=/etc/rancher/k3s/k3s.yaml',
        // As the image of k3s has them; the first holds the node's data.
        ...['rancher/k3s', 'kubelet', 'cni'].map((it) => `VOLUME /var/lib/${it}`),
        'VOLUME /var/log',
      ],
    });
  });
  await withRoot(async (root) => {
    await makeLoadBalancer(root);
    await importRoot(engine, root, {
      name: imageNames.loadBalancer,
      changes: ['ENTRYPOINT ["/usr/bin/nginx-proxy"]'],
    });
  });
  await withRoot(async (root) => {
    await makeShell(root, ['getent']);
    await putScript(root, 'tools', '/bin/k3d-tools');
    await importRoot(engine, root, { name: imageNames.tools, changes: ['ENTRYPOINT ["/bin/k3d-tools"]'] });
  });
}

async function withRoot(make: (root: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'docker-root-'));
  try {
    await make(root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function makeShell(root: string, programs: readonly string[]): Promise<void> {
  await makeRoot(root);
  await copyPrograms(root, [...shell, ...programs]);
  // It knows the names of signals that k3d's entrypoint uses; dash does not.
  await copyInto(root, '/bin/bash', '/bin/sh');
}

async function makeK3s(root: string, build: EmbeddedPrograms): Promise<void> {
  const { paths, cniFolder = '/usr/lib/cni' } = await findHostPrograms();
  await makeShell(root, [...paths.values()]);
  await copyOptional(root, nodePrograms);
  for (const plugin of await readdir(cniFolder)) await copyPrograms(root, [join(cniFolder, plugin)]);
  await copyExtensions(root);
  // One of PATH may be a script that calls another.
  await copyInto(root, (await provideKubectl(kubectlWith({ PATH: undefined }))).path, '/usr/bin/kubectl');
  await putScript(root, 'k3s', '/bin/k3s');
  await putBuild(root, build, Object.fromEntries(paths), cniFolder);
}

/** The build, and what the node program reads; the container's name is put in at its start. */
async function putBuild(
  root: string,
  build: EmbeddedPrograms,
  programs: Readonly<Record<string, string>>,
  cniFolder: string,
): Promise<void> {
  const { images } = imagesOf({ build, folder: clusterFolder('/', 'k3s'), pulls: undefined });
  const sandbox = build.images.find(({ ref }) => ref.includes('pause'))?.ref;
  const dns = build.images.find(({ ref }) => ref.includes('coredns'))?.ref;
  if (sandbox === undefined || dns === undefined) throw new Error('The build has no pause or no CoreDNS.');
  const folder = join(root, 'embedded');
  for (const path of [...Object.values(build.programs), ...images.map(({ tar }) => join(build.dir, tar))])
    await place(path, join(folder, relative(build.dir, path)));
  const config = {
    // A node without the cluster's own name in it calls its cluster, user and context as k3s does.
    ...{ name: '@NAME@', id: 'default', buildHash: build.hash, buildFolder: '/embedded' },
    ...{ programs, cniFolder, sandboxImage: sandbox, images },
  };
  await writeFile(join(folder, 'node.json'), JSON.stringify(config));
  await writeFile(join(folder, 'version'), `the embedded build ${build.hash}\n`);
  const manifests = await readFile(join(import.meta.dirname, '../../../embedded/coredns.yaml'), 'utf8');
  await writeFile(
    join(folder, 'coredns.yaml'),
    manifests.replace(/image: registry\.k8s\.io\/coredns\/coredns$/mu, `image: ${dns}`),
  );
}

async function makeLoadBalancer(root: string): Promise<void> {
  const nginx = await unpackedPackages('nginx', 'libnginx-mod-stream');
  await makeShell(root, ['getent']);
  await mkdir(join(root, 'etc/confd'));
  await copyUnpacked(root, nginx, '/usr/sbin/nginx');
  await copyUnpacked(root, nginx, '/usr/lib/nginx/modules/ngx_stream_module.so');
  await putScript(root, 'nginx-proxy', '/usr/bin/nginx-proxy');
}

/** A program of a package that is not installed. */
async function copyUnpacked(root: string, unpacked: string, path: string): Promise<void> {
  await copyPrograms(root, [join(unpacked, path)]);
  await copyInto(root, join(unpacked, path), path);
  await rm(join(root, unpacked), { recursive: true });
}

async function copyOptional(root: string, programs: readonly string[]): Promise<void> {
  for (const program of programs) await copyPrograms(root, [program]).catch(() => undefined);
}

/** iptables loads what a rule needs. */
async function copyExtensions(root: string): Promise<void> {
  for (const folder of ['/usr/lib/x86_64-linux-gnu/xtables', '/usr/lib/aarch64-linux-gnu/xtables'])
    await cp(folder, join(root, folder), { recursive: true }).catch(() => undefined);
}

async function putScript(root: string, name: string, to: string): Promise<void> {
  await copyFile(join(import.meta.dirname, `${name}.sh`), join(root, to));
  await chmod(join(root, to), 0o755);
}

/** Without copying what is on the same file system. */
async function place(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await link(from, to).catch(() => copyFile(from, to));
}
