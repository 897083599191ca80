import { describe, expect, it } from 'vitest';
import { CompileProgress, parseGoLine } from '../../../src/tools/go/go.js';

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

describe('CompileProgress', () => {
  it('rises with every package, and leaves the linker its share when there were more than expected', () => {
    const progress = new CompileProgress(2);
    const steps = [progress.next(), progress.next(), progress.next()];
    expect(steps[0]).toBeLessThan(steps[1] ?? 0);
    expect(steps[2]).toBe(steps[1]);
    expect(steps[1]).toBeLessThan(1);
  });

  it('knows the last package that is expected', () => {
    const progress = new CompileProgress(2);
    const last = [1, 2, 3].map(() => {
      progress.next();
      return progress.isLast;
    });
    expect(last).toEqual([false, true, false]);
  });
});
