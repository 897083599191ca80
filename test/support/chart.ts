import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface ChartOptions {
  readonly name?: string;
  readonly version?: string;
  /** More files, by their path in the chart. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Writes a small real chart: a ConfigMap that holds `.Values.text`. @returns its folder */
export async function writeChart(
  folder: string,
  { name = 'demo', version = '1.2.3', files = {} }: ChartOptions = {},
): Promise<string> {
  const all: Record<string, string> = {
    'Chart.yaml': `apiVersion: v2\nname: ${name}\nversion: ${version}\n`,
    'values.yaml': 'text: hello\n',
    'templates/config.yaml': `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-config
data:
  text: {{ .Values.text | quote }}
`,
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

/** A CustomResourceDefinition `<plural>.<group>` with no rules for its objects. */
export function definition(
  plural: string,
  kind: string,
  group = 'demo.tracewright.dev',
  annotations = '',
): string {
  return `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: ${plural}.${group}
${annotations}spec:
  group: ${group}
  names: { kind: ${kind}, plural: ${plural} }
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
`;
}
