import { fileURLToPath } from 'node:url';

const tracewright = fileURLToPath(new URL('../../bin/tracewright.js', import.meta.url));

/** One way to install the stack. */
export interface Contender {
  /** For the command line, and as a file's name. */
  readonly name: string;
  readonly title: string;
  /** Program and arguments, run in the folder that `layOut` has filled. */
  command(kubeconfigPath: string): readonly [program: string, ...args: string[]];
  /** What it leaves to whoever runs it, in a few words; nothing for Tracewright, whose figures hold all of it. */
  readonly lacks: string;
}

const noProof = 'no proof, no resume';

/** The first is what the others are compared with. */
export const contenders: readonly [Contender, ...Contender[]] = [
  {
    name: 'tracewright',
    title: 'Tracewright',
    command: (kubeconfig) =>
      [
        ...[process.execPath, tracewright, 'up', '--name', 'peers', '--stack', 'embedded'],
        ...['--target', 'kubeconfig', '--kubeconfig', kubeconfig],
      ] as [string, ...string[]],
    lacks: 'nothing; its figures hold Temporal, the worker and the proof',
  },
  {
    name: 'helmfile',
    title: 'helmfile 1.8.0',
    // 0: as many at once as there are.
    command: () => ['helmfile', '--file', 'helmfile.yaml', 'sync', '--concurrency', '0'],
    lacks: noProof,
  },
  {
    name: 'tutorial',
    title: "the tutorial's order",
    command: () => ['./tutorial.sh'],
    lacks: noProof,
  },
  {
    name: 'parallel',
    title: 'helm in parallel',
    command: () => ['./parallel.sh'],
    lacks: `${noProof}; the order is written by hand`,
  },
];
