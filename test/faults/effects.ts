import { readFile } from 'node:fs/promises';
import { observeRelease } from '../../src/tools/helm/release-record.js';
import { clusterProcesses } from '../../src/targets/embedded/processes.js';
import type { Bed } from './bed.js';
import { releaseSteps, steps } from './moments.js';

/** What was done more than once: releases with more than one revision, clusters besides the one. */
export async function doubledEffects(bed: Bed): Promise<string[]> {
  return [...(await doubledReleases(bed)), ...(await doubledClusters(bed))];
}

async function doubledReleases(bed: Bed): Promise<string[]> {
  const kube = bed.kube();
  if (!kube) return ['no cluster to ask'];
  const found = await Promise.all(
    releaseSteps.map(async (step) => {
      const place = steps[step];
      if (!('release' in place)) return [];
      const record = await observeRelease(kube, { namespace: place.namespace, name: place.release });
      return record?.revision === 1 ? [] : [`${step} has revision ${String(record?.revision)}`];
    }),
  );
  return found.flat();
}

/** A node is number 1 of its process namespace and of no other. */
async function doubledClusters(bed: Bed): Promise<string[]> {
  const statuses = await Promise.all(
    (await clusterProcesses(bed.cluster.id)).map(({ pid }) =>
      readFile(`/proc/${String(pid)}/status`, 'utf8').catch(() => ''),
    ),
  );
  const nodes = statuses.filter((status) => /^NSpid:\s+\d+\s+1$/mu.test(status)).length;
  return nodes === 1 ? [] : [`${String(nodes)} nodes run`];
}
