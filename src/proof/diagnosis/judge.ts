import type { FailureType } from '../../domain/failure.js';
import { changeLines } from './changes.js';
import { collectorEvidence, judgeCollector } from './collector.js';
import type { HopFacts, Verdict } from './facts.js';
import { grafanaEvidence, judgeGrafana } from './grafana.js';
import { hotrodEvidence, judgeHotrod, judgeHotrodExport } from './hotrod.js';
import { judgeSearch, judgeServices } from './search.js';
import { judgeExport, judgeTempo, judgeTempoIntake, storeEvidence } from './store.js';

type Judge = (facts: HopFacts) => Verdict | undefined;

/**
 * Who is asked when the verification found what, in the order in which a trace passes the hops: the first that knows
 * something decides. What an earlier hop has broken shows at all later ones.
 */
const judges: Partial<Record<FailureType, readonly Judge[]>> = {
  'proof.ride-failed': [judgeHotrod],
  'proof.collector-silent': [judgeCollector, judgeHotrodExport],
  'proof.trace-missing': [judgeTempo, judgeExport, judgeTempoIntake],
  'proof.trace-incomplete': [judgeTempo, judgeHotrodExport, judgeExport, judgeTempoIntake, judgeServices],
  'proof.search-silent': [judgeTempo, judgeServices, judgeSearch],
  'proof.grafana-failed': [judgeGrafana],
};

/** @returns undefined when the facts do not tell more than the verification itself */
export function judge(facts: HopFacts): Verdict | undefined {
  for (const ask of judges[facts.broken] ?? []) {
    const verdict = ask(facts);
    if (verdict) return verdict;
  }
  return undefined;
}

/** Whether a failure of the verification can be a broken hop. */
export function isBrokenHop(type: FailureType): boolean {
  return type in judges;
}

/**
 * All that was seen: what decided first, the most telling in front, then what the verification itself saw, then the
 * rest in the order in which a trace passes the hops. Terminals show the beginning of it.
 * @param verdict where there is one
 */
export function evidenceOf(
  facts: HopFacts,
  verdict: Pick<Verdict, 'evidence'> | undefined,
  seen: readonly string[],
): string[] {
  const all = [
    { changes: changeLines(facts.changes ?? []) },
    hotrodEvidence(facts),
    collectorEvidence(facts),
    storeEvidence(facts),
    grafanaEvidence(facts),
  ].flatMap((ofHop) => Object.values<readonly string[]>(ofHop).flat());
  return [...new Set([...(verdict?.evidence ?? []), ...seen, ...all])];
}
