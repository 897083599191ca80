import { describe, expect, it } from 'vitest';
import { ProgressMeter, type BuildProgress } from '../../../../src/targets/embedded/build/progress.js';

describe('ProgressMeter', () => {
  function meter(weights: Record<string, number>): { meter: ProgressMeter; reports: BuildProgress[] } {
    const reports: BuildProgress[] = [];
    return {
      meter: new ProgressMeter(new Map(Object.entries(weights)), (report) => reports.push(report)),
      reports,
    };
  }

  it('weighs the parts and names what is being done', () => {
    const { meter: whole, reports } = meter({ kube: 300, hotrod: 100 });
    whole.follow('kube');
    whole.at('kube', 0.5, 'k8s.io/api/core/v1');
    whole.at('kube', 1, 'done');
    whole.follow('hotrod');
    whole.at('hotrod', 1, 'done');
    expect(reports).toEqual([
      { program: 'kube', percent: 37, detail: 'k8s.io/api/core/v1' },
      { program: 'kube', percent: 75, detail: 'done' },
      { program: 'hotrod', percent: 100, detail: 'done' },
    ]);
  });

  it('never falls, and counts what runs beside without telling about it', () => {
    const { meter: whole, reports } = meter({ kube: 1, hotrod: 1 });
    whole.follow('kube');
    whole.at('kube', 0.6, 'a');
    whole.at('hotrod', 0.2, 'downloading b');
    whole.at('kube', 0.1, 'c');
    expect(reports.map(({ percent, detail }) => [percent, detail])).toEqual([
      [30, 'a'],
      [40, 'c'],
    ]);
  });
});
