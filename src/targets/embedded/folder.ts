import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ProcessIdentity } from '../../tools/process-identity.js';

/** Where a cluster keeps what it has, and what it is called on the host. */
export interface ClusterFolder {
  /** Absolute; everything of the cluster is below, 0700. */
  readonly path: string;
  /** Beside the folder, because deleting the cluster removes the folder. */
  readonly lock: string;
  readonly kubeconfig: string;
  readonly logs: string;
  /** What the image proxy works with: beside the folder, because the node sees that one. */
  readonly images: string;
  /** The name of its control groups and the alias of its network link; differs between folders. */
  readonly id: string;
}

/** The folder of the cluster `name` below `stateDir`. */
export function clusterFolder(stateDir: string, name: string): ClusterFolder {
  const path = join(stateDir, 'clusters', name);
  const mark = createHash('sha256').update(path).digest('hex').slice(0, 8);
  return {
    path,
    lock: join(stateDir, 'clusters', `${name}.lock`),
    kubeconfig: join(path, 'kubeconfig'),
    logs: join(path, 'log'),
    images: join(stateDir, 'clusters', `${name}.images`),
    id: `tracewright-${name}-${mark}`,
  };
}

/** The log of one of the cluster's programs, `node` among them. */
export function programLog({ logs }: ClusterFolder, program: string): string {
  return join(logs, `${program}.log`);
}

const nodeStatus = z.object({
  buildHash: z.string(),
  startedAt: z.string().transform((text) => Date.parse(text)),
  server: z.string(),
  nodeName: z.string(),
  apiReady: z.boolean(),
  stopping: z.boolean(),
  images: z.object({
    total: z.number(),
    ready: z.array(z.string()),
    importing: z.string().optional(),
    failure: z.string().optional(),
  }),
  programs: z.record(
    z.string(),
    z.object({
      pid: z.number().optional(),
      starts: z.number(),
      quickEnds: z.number(),
      lastEnd: z.string().optional(),
    }),
  ),
  milestones: z.record(z.string(), z.number()),
});

/**
 * What the node program tells of itself, in status.json; `startedAt` in milliseconds since 1970. Its Go side is
 * embedded/node/status.go.
 */
export type NodeStatus = z.infer<typeof nodeStatus>;

/** The status that the node wrote last; `undefined` when it never ran or the file is damaged. */
export async function readNodeStatus({ path }: ClusterFolder): Promise<NodeStatus | undefined> {
  return await readJson(join(path, 'status.json'), nodeStatus);
}

const identity = z.object({ pid: z.number(), startTime: z.string() });

/** The process that was the node last; it may be gone. */
export async function readNodeIdentity({ path }: ClusterFolder): Promise<ProcessIdentity | undefined> {
  return await readJson(join(path, 'node.pid'), identity);
}

/** A file that is missing, cut short or of another form counts as not there: what it says can be found out anew. */
export async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}
