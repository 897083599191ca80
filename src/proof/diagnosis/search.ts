import { shortfall } from '../../domain/proof.js';
import { oneLine } from '../tempo.js';
import { storeText } from '../cluster-access.js';
import { ownService } from '../root-span.js';
import { storeEvidence } from './store.js';
import type { HopFacts, Verdict } from './facts.js';

/** HotROD calls its services so in every version: where one of these is missing, its spans were lost. */
const hotrodNames = ['frontend', 'customer', 'driver', 'route'];

/** The spans are all there, but their services have other names than the stack file says. */
export function judgeServices(facts: HopFacts): Verdict | undefined {
  const { spec, broken, tempo } = facts;
  if (!tempo.services) return undefined;
  const where = storeText(spec.tempo);
  const names = Object.keys(tempo.services).filter((name) => name !== ownService);
  const seen = `its spans are of ${names.join(', ') || 'no service of HotROD'}`;
  if (broken === 'proof.search-silent') {
    const asked = servicesAskedFor(spec.traceql).filter((name) => !names.includes(name));
    if (asked.length === 0 || tempo.search?.any === false) return undefined;
    return serviceVerdict(
      `The search asks for a service that the trace does not have: ${asked.join(', ')} in ${oneLine(spec.traceql)}. ${where} has the trace, and ${seen}.`,
      'Correct the name of the service in proof.traceql of the stack file.',
      false,
      storeEvidence(facts).trace,
    );
  }
  const lack = shortfall(tempo.services, spec.expect, ownService);
  if (!lack || lack.spans || lack.services.length === 0) return undefined;
  if (lack.services.some((name) => hotrodNames.includes(name))) return undefined;
  return serviceVerdict(
    `${where} has as many spans of the ride as the stack file wants, but none of ${lack.services.join(', ')}: ${seen}.`,
    `If HotROD names its services so, correct proof.expect.services in the stack file. If not, the spans of ${lack.services.join(', ')} were lost: HotROD's log names failed exports.`,
    true,
    storeEvidence(facts).trace,
  );
}

/** `frontend` of `{ resource.service.name = "frontend" }`. */
function servicesAskedFor(traceql: string): string[] {
  const equals = /(?:\.service\.name|rootServiceName)\s*=\s*["`]([^"`]+)["`]/gu;
  return [...traceql.matchAll(equals)].flatMap(([, name]) => name ?? []);
}

function serviceVerdict(
  message: string,
  remedy: string,
  retryable: boolean,
  evidence: readonly string[],
): Verdict {
  return { type: 'hop.service-name', message, remedy, retryable, evidence };
}

/** Tempo has the trace by its id, but the search of the stack does not find it. */
export function judgeSearch(facts: HopFacts): Verdict | undefined {
  const { spec, tempo } = facts;
  const { search } = tempo;
  if (!search || tempo.byId === false) return undefined;
  const where = storeText(spec.tempo);
  if (search.any && !search.stack)
    return searchVerdict(
      `The search of the stack does not fit the spans: ${where} finds the trace with {}, but not with ${oneLine(spec.traceql)}.`,
      'Correct proof.traceql in the stack file. Newer HotRODs have span.http.response.status_code instead of span.http.status_code.',
      false,
      storeEvidence(facts).trace,
    );
  if (search.stack)
    return searchVerdict(
      `The search of ${where} lags behind: it finds the trace by now, but took longer than the verification waits.`,
      'Verify again. If it stays so, look whether Tempo is short of CPU, and lower trace_idle_period and flush_check_period of its ingester.',
      true,
      storeEvidence(facts).trace,
    );
  return searchVerdict(
    `The search of ${where} lags behind: by its id the trace is there, but no search finds it yet.`,
    'Wait and verify again: Tempo 2 takes 10 to 20 s, Tempo 3 hides the newest 30 s. If it stays so, lower trace_idle_period and flush_check_period of its ingester.',
    true,
    storeEvidence(facts).trace,
  );
}

function searchVerdict(
  message: string,
  remedy: string,
  retryable: boolean,
  evidence: readonly string[],
): Verdict {
  return { type: 'hop.search', message, remedy, retryable, evidence };
}
