/** A block of the docs that no test runs. */
export interface NotRun {
  /** Relative to the repository. */
  readonly page: string;
  /** A part of the block that only it has. */
  readonly has: string;
  readonly reason: string;
}

const kubernetes =
  'images and servers of the reader; test/docker/kubernetes.test.ts applies the overlays of the page';
const compose = 'needs a Docker engine and images; `npm run test:docker -- compose` runs the file with them';

/**
 * Every block that no test runs, and why. A test fails when one is missing here, or when an entry has no block any
 * more.
 */
export const notRun: readonly NotRun[] = [
  {
    page: 'README.md',
    has: 'npm ci && npm start',
    reason: 'installs this repository; test/e2e/main-job.test.ts runs what `npm start` runs',
  },
  {
    page: 'docs/contributing.md',
    has: 'npm test',
    reason: 'these run the tests and the benchmarks themselves',
  },
  {
    page: 'docs/durability.md',
    has: 'npm run test:faults',
    reason: 'these are test suites of their own; test/faults/faults.test.ts plays one scenario of the first',
  },
  { page: 'deploy/README.md', has: 'docker compose up', reason: compose },
  { page: 'deploy/README.md', has: 'pg_dumpall', reason: compose },
  {
    page: 'docs/how-to/existing-cluster.md',
    has: '--kubeconfig ~/.kube/staging',
    reason: 'a cluster of the reader; test/targets/kubeconfig.test.ts uses a real one',
  },
  {
    page: 'docs/how-to/ci-per-branch.md',
    has: '--fail-fast',
    reason: 'installs this repository, in the clone of a reader; the other blocks run each of its commands',
  },
  {
    page: 'docs/how-to/air-gapped.md',
    has: '--images-from',
    reason: 'mirrors of the reader; test/lock/lock.test.ts uses a chart server and a registry of its own',
  },
  {
    page: 'docs/how-to/workshop.md',
    has: 'fleet up --count 30',
    reason: 'thirty environments; test/e2e/fleet.test.ts makes two',
  },
  {
    page: 'docs/reference/commands.md',
    has: 'tracewright fleet status --json',
    reason: 'a fleet of the reader; test/e2e/fleet.test.ts makes one',
  },
  { page: 'docs/how-to/worker-on-kubernetes.md', has: 'helm install temporal', reason: kubernetes },
  { page: 'docs/how-to/worker-on-kubernetes.md', has: 'docker push', reason: kubernetes },
  {
    page: 'docs/how-to/worker-on-kubernetes.md',
    has: 'apply --kustomize worker',
    reason: kubernetes,
  },
  {
    page: 'docs/how-to/worker-on-kubernetes.md',
    has: 'up --stack current --kubeconfig /kubeconfig/in-cluster',
    reason: kubernetes,
  },
  { page: 'docs/how-to/worker-on-kubernetes.md', has: '--from-file=staging', reason: kubernetes },
  { page: 'docs/how-to/worker-on-kubernetes.md', has: 'set-current-version', reason: kubernetes },
  { page: 'docs/how-to/own-temporal-server.md', has: 'docker compose up', reason: compose },
  {
    page: 'docs/how-to/own-temporal-server.md',
    has: 'TEMPORAL_PROFILE=team',
    reason: 'a server of the reader; test/temporal/guarded-server.test.ts asks for certificates',
  },
  {
    page: 'docs/how-to/own-temporal-server.md',
    has: 'TRACEWRIGHT_PAYLOAD_KEYS',
    reason: "writes into the reader's home; test/cli/encrypted.test.ts installs with keys",
  },
  {
    page: 'docs/how-to/own-temporal-server.md',
    has: 'TEMPORAL_API_KEY',
    reason: 'an account of the reader; test/temporal/guarded-server.test.ts asks for a key',
  },
  {
    page: 'docs/how-to/own-temporal-server.md',
    has: 'set-current-version',
    reason: 'a worker in the foreground; test/temporal/worker-versions.test.ts does the same',
  },
  {
    page: 'docs/how-to/own-stack.md',
    has: 'tracewright plan --stack ./mine.yaml',
    reason: 'a file of the reader; test/preview/plan.test.ts plans one',
  },
  {
    page: 'docs/how-to/own-stack.md',
    has: 'tracewright up --stack ./mine.yaml',
    reason: 'a file of the reader; test/docker/k3d.test.ts installs one',
  },
  {
    page: 'docs/how-to/collector-modes.md',
    has: 'collector-modes/daemonset.yaml',
    reason: 'one of four stacks; test/e2e/collector-modes.test.ts installs each',
  },
  {
    page: 'docs/reference/metrics.md',
    has: 'TRACEWRIGHT_METRICS_ADDRESS=127.0.0.1:9464',
    reason: 'a port that may be taken; test/cli/metrics.test.ts uses a free one',
  },
  {
    page: 'docs/reference/commands.md',
    has: 'tracewright plan --stack tutorial --target kubeconfig',
    reason: 'a cluster of the reader; test/preview/plan.test.ts plans this stack on a real API server',
  },
];
