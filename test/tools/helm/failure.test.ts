import { describe, expect, it } from 'vitest';
import { TracewrightError } from '../../../src/domain/failure.js';
import { helmFailure } from '../../../src/tools/helm/failure.js';

/** What `helm pull` said at its end. */
const pullFailed = (lastLine: string): unknown => {
  const evidence = [lastLine];
  const error = new TracewrightError({ type: 'tool.failed', message: '', remedy: '', evidence });
  return helmFailure(error, ['pull', 'oci://127.0.0.1:40412/demo']);
};

describe('helmFailure', () => {
  it.each([
    'Error: 127.0.0.1:40412/demo:1.0.0: size of the manifest does not match',
    'Error: mismatch sha256:404404: failed to perform "FetchReference" on source',
  ])('takes the digits 404 of a port or a digest for no answer: %s', (line) => {
    expect(pullFailed(line)).toMatchObject({ type: 'chart.unavailable', retryable: true });
  });

  it.each([
    'Error: failed to authorize: unexpected status code 404: 404 page not found',
    'Error: GET "https://registry/v2/demo/manifests/1.0.0": response status code 404',
    'Error: 127.0.0.1:40412/demo:1.0.0: not found',
  ])('knows a chart that is not there: %s', (line) => {
    expect(pullFailed(line)).toMatchObject({ type: 'chart.not-found', retryable: false });
  });

  it.each([
    'Error: resource name may not be empty',
    'Error: unable to continue with install: could not get information about the resource ConfigMap "" in namespace "n": resource name may not be empty',
    'Error: failed pre-install: resource name may not be empty',
    'Error: UPGRADE FAILED: could not get information about the resource: resource name may not be empty',
  ])('takes an object without a name for a mistake of the chart: %s', (line) => {
    const error = new TracewrightError({ type: 'tool.failed', message: '', remedy: '', evidence: [line] });
    expect(helmFailure(error, ['upgrade', 'web'])).toMatchObject({
      type: 'chart.unrenderable',
      retryable: false,
    });
  });

  it.each([
    'Error: validation: chart.metadata.version "one" is invalid',
    'Error: cannot load values.yaml: cannot unmarshal yaml document: error converting YAML to JSON: yaml: line 1: did not find expected node content',
    'Error: cannot load Chart.yaml: error converting YAML to JSON: yaml: line 2: unexpected EOF',
  ])('takes files of a chart that are none for its mistake: %s', (line) => {
    const error = new TracewrightError({ type: 'tool.failed', message: '', remedy: '', evidence: [line] });
    for (const verb of ['show', 'template', 'upgrade'])
      expect(helmFailure(error, [verb, 'chart'])).toMatchObject({
        type: 'chart.unrenderable',
        retryable: false,
      });
  });
});
