/** A node of a dependency graph. */
export interface GraphNode {
  readonly name: string;
  readonly needs: readonly string[];
}

/**
 * Runs every node as soon as all that it needs has ended well, so that the whole takes as long as its slowest chain.
 * A node whose need failed is never started. Rejects with the first failure, but only after everything that was
 * started has ended: whoever awaits this knows that nothing runs on.
 *
 * The graph must be free of cycles and of unknown names, as plans are.
 */
export async function runGraph<N extends GraphNode>(
  nodes: readonly N[],
  run: (node: N) => Promise<void>,
): Promise<void> {
  const runs = new Map<string, Promise<void>>();
  const start = (node: N): Promise<void> => {
    const known = runs.get(node.name);
    if (known) return known;
    const needed = nodes.filter((other) => node.needs.includes(other.name)).map(start);
    const own = Promise.all(needed).then(() => run(node));
    runs.set(node.name, own);
    return own;
  };
  const results = await Promise.allSettled(nodes.map(start));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
