import type { FailureType } from '../../domain/failure.js';
import type { HopFacts } from './facts.js';
import { judgeCollector } from './judge-collector.js';
import { judgeGrafana } from './judge-grafana.js';
import { judgeHotrod, judgeHotrodExport } from './judge-hotrod.js';
import { judgeSearch } from './judge-search.js';
import { judgeServices } from './judge-services.js';
import { judgeExport, judgeTempo, judgeTempoIntake } from './judge-tempo.js';
import type { Verdict } from './verdict.js';

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
