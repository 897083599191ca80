import { describe, expect, it } from 'vitest';
import {
  CompileProgress,
  parseGoLine,
  ProgressMeter,
  type BuildProgress,
} from '../../../../src/targets/embedded/build/progress.js';

describe('parseGoLine', () => {
  it.each([
    'internal/goarch',
    'k8s.io/api/core/v1',
    'github.com/go-openapi/jsonpointer',
    'gopkg.in/yaml.v3',
    'crypto/internal/fips140/v1.0.0',
  ])('takes %s for a package', (name) => {
    expect(parseGoLine(name)).toEqual({ kind: 'package', name });
  });

  it('takes a download for one', () => {
    expect(parseGoLine('go: downloading k8s.io/api v0.34.4')).toEqual({
      kind: 'download',
      module: 'k8s.io/api v0.34.4',
    });
  });

  it.each([
    '# tracewright/embedded/kube',
    './main.go:3:1: syntax error: non-declaration statement outside function body',
    'go: k8s.io/api@v0.34.4: Get "http://127.0.0.1:1/k8s.io/api": dial tcp 127.0.0.1:1: connect: connection refused',
    '\thave GetSamplingStrategy(string)',
    '',
  ])('takes %j for a message', (text) => {
    expect(parseGoLine(text)).toEqual({ kind: 'message', text });
  });
});

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

describe('CompileProgress', () => {
  it('rises with every package, and leaves the linker its share when there were more than expected', () => {
    const progress = new CompileProgress(2);
    const steps = [progress.next(), progress.next(), progress.next()];
    expect(steps[0]).toBeLessThan(steps[1] ?? 0);
    expect(steps[2]).toBe(steps[1]);
    expect(steps[1]).toBeLessThan(1);
  });
});
