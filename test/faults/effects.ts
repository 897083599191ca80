import { readFile } from 'node:fs/promises';
import { observeRelease } from '../../src/tools/helm/release-record.js';
import { clusterProcesses } from '../../src/targets/embedded/processes.js';
import type { Bed } from './bed.js';
import { releaseSteps, steps, type StepName } from './moments.js';

/**
 * What was done more than once: releases with more than one revision, clusters besides the one. A release that was
 * upgraded has two at least: a rollback of an upgrade that was cut off writes further ones.
 */
export async function doubledEffects(bed: Bed, upgraded: readonly StepName[] = []): Promise<string[]> {
  return [...(await doubledReleases(bed, upgraded)), ...(await doubledClusters(bed))];
}

/** Releases that do not have the revision that they should have. */
export async function doubledReleases(bed: Bed, upgraded: readonly StepName[] = []): Promise<string[]> {
  const kube = bed.kube();
  if (!kube) return ['no cluster to ask'];
  const found = await Promise.all(
    releaseSteps.map(async (step) => {
      const place = steps[step];
      if (!('release' in place)) return [];
      const record = await observeRelease(kube, { namespace: place.namespace, name: place.release });
      const revision = record?.revision ?? 0;
      const isRight = upgraded.includes(step) ? revision >= 2 : revision === 1;
      return isRight ? [] : [`${step} has revision ${String(revision)}`];
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
