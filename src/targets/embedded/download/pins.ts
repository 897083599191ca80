import type { PublishedFile } from '../../../tools/file-download.js';
import { cniPlugins } from '../programs.js';

/**
 * What a node runs where nothing is built: files that their projects publish, in the versions that the built node has or
 * that Kubernetes 1.34 asks for. The digests of Kubernetes are those of its CHANGELOG-1.34.md; all others were read in
 * kubespray's roles/kubespray_defaults/vars/main/checksums.yml (at 46dbdd3). To move on: read both again, and
 * docs/contributing.md.
 */
export const kubernetesVersion = 'v1.34.4';

/** Those that kubeadm 1.34 takes. They are pulled as the images of a stack are. */
export const nodeImages = {
  sandbox: 'registry.k8s.io/pause:3.10.1',
  dns: 'registry.k8s.io/coredns/coredns:v1.12.1',
};

export interface PinnedFile extends PublishedFile {
  /** Entry of the gzipped tar → name of the program; of a file that is the program itself, its name. */
  readonly programs: Readonly<Record<string, string>> | string;
}

/** Go's names of the processors, by Node's. */
export const architectures = { x64: 'amd64', arm64: 'arm64' } as const;
export type Architecture = (typeof architectures)[keyof typeof architectures];

const digests: Readonly<
  Record<Architecture, Record<'kubernetes' | 'etcd' | 'containerd' | 'runc' | 'cni', string>>
> = {
  amd64: {
    kubernetes:
      'sha512:65c75e81e3ea488f6d42b493cad64d7577ddfa1e5372037a1c841ac069039997d359b5b2f2d44e7665bf04c48ed0065cf9d4c9801b1e63bb6a1b099ef00d4863',
    etcd: 'sha256:5025b5b24d81a9616b6e284ccd439b9a3df055ef8fdcdc142af3ec8f6a3b3c95',
    containerd: 'sha256:8e244782bbbbe39b2213b961f0939974e88b33f68bed13c6b51f8b4c4ab8ca47',
    runc: 'sha256:3f3921dbbee7723e9868f97e88e51ffc910206e3ba55646e74d93d24ea76023c',
    cni: 'sha256:b98f74a0f8522f0a83867178729c1aa70f2158f90c45a2ca8fa791db1c76b303',
  },
  arm64: {
    kubernetes:
      'sha512:a1fad7060ed67b5634f32f3256a295179dd887dab5c82b8550c2eb62c69df34cfbb311c8f93e7608d558eba32b9e2ddc23976db39e512fd747cc6bf9b4c1765f',
    etcd: 'sha256:0764c5c0acef155f4bfa0487791cc5776adef66315bf16ec0653883bfd463a90',
    containerd: 'sha256:4aa54ecace7a22bc9e5dccbf06de7a0d8ad79db02fb04b348191802c8880cbc7',
    runc: 'sha256:6be27a061ef89bb14c6cb495405bba80f46cea213b8f79378a6086b1bac6b747',
    cni: 'sha256:56171987d3947707c3563db2f4001bccaf50fd63468611b9f3cbecb1375ee7ec',
  },
};

const named = (folder: string, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [folder + name, name]));

/**
 * The files for a processor. etcd is of the last line that goes on with the data of Debian's 3.4, and containerd of the
 * one that reads the configuration of Debian's 1.6: a cluster may have been begun with those.
 */
export function pinnedFiles(architecture: Architecture): PinnedFile[] {
  const digest = digests[architecture];
  const gitHub = 'https://github.com';
  return [
    {
      url: `https://dl.k8s.io/${kubernetesVersion}/kubernetes-server-linux-${architecture}.tar.gz`,
      digest: digest.kubernetes,
      programs: named('kubernetes/server/bin/', [
        'kube-apiserver',
        'kube-controller-manager',
        'kube-scheduler',
        'kube-proxy',
        'kubelet',
      ]),
    },
    {
      url: `${gitHub}/etcd-io/etcd/releases/download/v3.5.33/etcd-v3.5.33-linux-${architecture}.tar.gz`,
      digest: digest.etcd,
      programs: named(`etcd-v3.5.33-linux-${architecture}/`, ['etcd']),
    },
    {
      // Linked statically: it asks nothing of the C library of the host.
      url: `${gitHub}/containerd/containerd/releases/download/v1.7.34/containerd-static-1.7.34-linux-${architecture}.tar.gz`,
      digest: digest.containerd,
      programs: named('bin/', ['containerd', 'containerd-shim-runc-v2', 'ctr']),
    },
    {
      url: `${gitHub}/opencontainers/runc/releases/download/v1.3.6/runc.${architecture}`,
      digest: digest.runc,
      programs: 'runc',
    },
    {
      url: `${gitHub}/containernetworking/plugins/releases/download/v1.9.1/cni-plugins-linux-${architecture}-v1.9.1.tgz`,
      digest: digest.cni,
      programs: named('', cniPlugins),
    },
  ];
}
