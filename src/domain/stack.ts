import { z } from 'zod';
import { durationPattern, durationRule } from './duration.js';
import { k3dSettingsSchema } from './k3d-settings.js';
import { unfoldList } from './object-lists.js';

/**
 * The stack file: what is installed, in which order, how one knows that it is ready, and how the whole is proved.
 * Workflows import only the types of this file, so that the validator stays out of their bundle.
 */

/** A Kubernetes name that also works as a label value and inside host names (RFC 1123). */
const name = z
  .string()
  .max(53, 'must have at most 53 characters (the limit of a Helm release name)')
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/u, 'must be lower-case letters, digits and dashes');

/** The name of a namespace or Service, which Kubernetes lets be longer than Helm a release's. */
const label = z
  .string()
  .max(63, 'must have at most 63 characters')
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/u, 'must be lower-case letters, digits and dashes');

/** A name of an object: longer than that of a release, and with dots (RFC 1123 subdomain). */
const objectName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/u, 'must be lower-case letters, digits, dashes and dots');

const port = z.int().min(1).max(65_535);

/** `90s`, `5m`, `1h`: how Kubernetes and Helm write durations. */
const duration = z.string().regex(durationPattern, durationRule);

/** Of the .tgz, wherever it comes from: what a repository, a folder and an OCI registry keep is the same file. */
const chartDigest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/u, 'must be sha256: and 64 hexadecimal digits')
  .optional()
  .describe('The SHA-256 of the .tgz; any other file is refused. `tracewright lock` knows it.');

/** Ranges would give two people two stacks. */
const exactVersion = z
  .string()
  .regex(/^v?\d+\.\d+\.\d+([-+][\w.+-]+)?$/u, 'must be one exact version, such as 1.2.3 or v1.2.3');

const version = exactVersion.describe('One exact version, never a range.');

const chart = z.union([
  z
    .strictObject({ embedded: name.describe('The name of the chart.') })
    .describe('A chart that was built together with the embedded cluster, by its name.'),
  z
    .strictObject({
      path: z.string().describe('Absolute, or from the folder of the stack file.'),
      digest: chartDigest,
    })
    .describe('A chart folder or .tgz; relative to the stack file.'),
  z
    .strictObject({
      repository: z.url().describe('The URL of the repository, as for `helm repo add`.'),
      name: name.describe('Of the chart in it.'),
      version,
      digest: chartDigest,
    })
    .describe('A chart of an HTTP chart repository, pinned to a version.'),
  z
    .strictObject({
      oci: z.string().startsWith('oci://').describe('The reference of the chart without its version.'),
      version,
      digest: chartDigest,
    })
    .describe('A chart in an OCI registry, pinned to a version.'),
]);

const images = z.strictObject({
  from: z
    .string()
    .regex(/^[\w.-]+(:\d+)?(\/[\w.-]+)*$/u, 'must be a registry, such as registry.local:5000/mirror')
    .optional()
    .describe('A registry, with a path, that has all images: `--images-from` sets it.'),
  digests: z
    .record(
      z.string(),
      z.string().regex(/^sha256:[0-9a-f]{64}$/u, 'must be sha256: and 64 hexadecimal digits'),
    )
    .optional()
    .describe('The digest of every image, by the name that the chart gives it: the lock file sets it.'),
});

const release = z.strictObject({
  name: name.optional().describe('The Helm release name. Default: the name of the component.'),
  namespace: label.describe('Where helm installs it. Made when it does not exist.'),
  chart: chart.describe('Where the chart comes from: one of four kinds.'),
  values: z.record(z.string(), z.unknown()).default({}).describe('Helm values, as in a values file.'),
  wholeNumbers: z
    .array(z.array(z.union([z.string(), z.int()])).min(1))
    .optional()
    .describe(
      "Paths of values that reach the chart as whole numbers, as with Helm's --set, which sets it: a template writes 20000000, where a values file makes 2e+07 of it. Default: none",
    ),
  images: images.optional().describe('What becomes of the images that the rendered chart names.'),
});

const kubernetesObject = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: label.optional() }),
});

const manifests = z.strictObject({
  namespace: label.describe('For the objects that name none themselves. Made when it does not exist.'),
  objects: z
    .preprocess(
      (value) => (Array.isArray(value) ? value.flatMap(unfoldList) : value),
      z.array(kubernetesObject).min(1),
    )
    .describe('Kubernetes objects, as `kubectl apply` takes them; lists are unfolded.'),
});

const service = z.strictObject({
  namespace: label.describe('Of the Service.'),
  service: label.describe('The name of the Service.'),
  port: port.describe('A port of the Service.'),
});

const readyCheck = z.union([
  z
    .strictObject({
      rollout: z
        .string()
        .regex(
          /^(Deployment|StatefulSet|DaemonSet)\/[a-z0-9.-]+$/u,
          'must be Deployment/, StatefulSet/ or DaemonSet/ and a name',
        )
        .describe('Kind and name, such as Deployment/cert-manager.'),
    })
    .describe('All replicas of a workload in the namespace of the component are updated and ready.'),
  z
    .strictObject({
      http: z
        .strictObject({
          service: label.describe('A Service in the namespace of the component.'),
          port: port.describe('A port of the Service.'),
          path: z.string().describe('With its query, where there is one.'),
          contains: z.string().optional().describe('What the body must contain. Default: any body will do.'),
        })
        .describe('The request.'),
    })
    .describe('A GET through the service proxy of the API server answers 200, with this text in its body.'),
  z
    .strictObject({
      accepts: z
        .union([name, manifests])
        .describe('A component with manifests, or manifests of its own, which are only tried out.'),
    })
    .describe(
      'The API server, with all admission webhooks, accepts a dry run of the objects. Asked after the rollouts.',
    ),
  z
    .strictObject({
      exists: z
        .string()
        .regex(/^Service\/[a-z]([-a-z0-9]*[a-z0-9])?$/u, 'must be Service/ and a name')
        .describe('Kind and name, such as Service/otel-sidecar-collector.'),
    })
    .describe(
      'A Service in the namespace of the component is there: an operator has seen the object that it makes it for.',
    ),
]);

const component = z
  .strictObject({
    title: z.string().optional().describe('For people. Default: the name of the component.'),
    needs: z.array(name).default([]).describe('Components that must be ready before this one is installed.'),
    release: release.optional().describe('A Helm release. Either this or manifests.'),
    manifests: manifests.optional().describe('Objects to apply. Either this or a release.'),
    ready: z.array(readyCheck).min(1).describe('All must hold before the component counts as ready.'),
    timeout: duration.default('5m').describe('One attempt: hooks and readiness together, before it fails.'),
  })
  .refine((it) => (it.release === undefined) !== (it.manifests === undefined), {
    message: 'must have either a release or manifests',
  });

const grafana = service.extend({
  datasource: z.string().describe('The name of the Tempo datasource in Grafana.'),
  secret: z
    .strictObject({
      name: objectName.describe('Of the Secret.'),
      userKey: z.string().default('admin-user').describe('The key of the user.'),
      passwordKey: z.string().default('admin-password').describe('The key of the password.'),
    })
    .optional()
    .describe(
      "The Secret with Grafana's login, in the same namespace; read for each verification, never stored. Default: the anonymous viewer looks.",
    ),
  anonymous: z
    .boolean()
    .optional()
    .describe(
      'Whether Grafana shows the trace to people without a login; the proof sees that it is so. Default: not looked at.',
    ),
});

const proof = z.strictObject({
  ride: service
    .extend({
      customer: z.int().describe("HotROD's customer: 123, 392, 731 or 567."),
      customerName: z.string().describe('The name of that customer, for people.'),
    })
    .describe('HotROD, and the ride that is taken in it.'),
  collector: z
    .strictObject({
      namespace: label.describe('Of the Service and the pods.'),
      service: label.describe("The collector's Service."),
      otlpHttpPort: port.describe('The port of its OTLP receiver over HTTP: our root span goes there.'),
      podSelector: z.string().describe('A label selector for the pods whose log shows the spans.'),
      container: label
        .optional()
        .describe(
          "The collector's container, where it is a sidecar: otc-container of the operator. Default: the pod's own default, else its first",
        ),
    })
    .describe('The collector that all spans pass through.'),
  tempo: service
    .extend({
      title: z
        .string()
        .min(1)
        .optional()
        .describe("What messages and the proof call it: a store with Tempo's API. Default: Tempo"),
      tls: z
        .boolean()
        .optional()
        .describe('Whether that port speaks TLS; its certificate is not looked at. Default: false'),
      tenant: z
        .string()
        .regex(/^[\w!.*'()-]{1,150}$/u, "must be a tenant: letters, digits and !-_.*'()")
        .optional()
        .describe(
          'Whose traces are asked for, where the store keeps tenants apart: the header X-Scope-OrgID. Default: none',
        ),
      ingest: service
        .optional()
        .describe(
          'Where the spans go in, where that is another Service: of tempo-distributed the distributor. Default: the same Service, port 4317',
        ),
    })
    .describe("The trace store: Tempo's HTTP port."),
  expect: z
    .strictObject({
      spans: z.int().min(1).describe("At least so many spans. HotROD's own tests expect 35."),
      services: z.array(z.string()).min(1).describe('Services that must have spans in the trace.'),
    })
    .describe('What the trace must have.'),
  traceql: z
    .string()
    .regex(/\S/u, 'must not be empty')
    .describe('A TraceQL query that must find the trace; `trace --longest` asks it, too.'),
  grafana: z
    .union([
      grafana.describe('Grafana, whose datasource must lead to the trace.'),
      z
        .strictObject({ skip: z.string().describe('Why this stack has no Grafana. Shown in the proof.') })
        .describe('No Grafana: the check is shown as skipped.'),
    ])
    .describe('The last check of the proof: either Grafana, or why there is none.'),
});

const page = service.extend({
  localPort: port
    .optional()
    .describe('Where `open` listens, if free, else the next free one. Default: port; below 1024, 8000 more.'),
  path: z.string().startsWith('/').optional().describe('Of the page to show first. Default: /'),
  login: z
    .strictObject({
      secret: z.string().describe('A Secret in the same namespace.'),
      userKey: z.string().describe('The key of the user.'),
      passwordKey: z.string().describe('The key of the password.'),
    })
    .optional()
    .describe('Where user and password stand. `open` shows the password only when it is asked to.'),
});

export const targetKinds = ['embedded', 'k3d', 'kubeconfig'] as const;
export type TargetKind = (typeof targetKinds)[number];

/**
 * The plan has steps of the first two names, and `logs` knows what is ours by the others: no component may have them.
 */
const reservedNames = ['cluster', 'verification', 'worker', 'temporal'] as const;

/** What `open` calls the Temporal Web UI and our own page of traces, so no page of a stack may be called so. */
export const temporalPage = 'temporal';
export const tracesPage = 'traces';

export const stackSchema = z
  .strictObject({
    name: name.describe('Of the stack, and of its environments unless `--name` says otherwise.'),
    description: z.string().describe('One line for people.'),
    targets: z
      .array(z.enum(targetKinds))
      .min(1)
      .describe('Where this stack can be installed; the first is preferred.'),
    k3d: k3dSettingsSchema
      .optional()
      .describe('The cluster on the target k3d. Default: the ports of the tutorial, 6443, 8080 and 8443.'),
    embedded: z
      .strictObject({
        mirrors: z
          .record(z.string(), z.array(z.url({ protocol: /^https?$/u })).min(1))
          .describe('Where images of a registry are pulled from first, by its name, or by * for all.'),
      })
      .optional()
      .describe('The cluster on the target embedded.'),
    components: z
      .record(name, component)
      .refine((all) => Object.keys(all).length > 0, 'must have a component')
      .describe('What is installed, by name; what does not need each other side by side.'),
    proof: proof.describe('How one knows that the whole works: a ride, found again at every hop.'),
    open: z
      .record(name, page)
      .optional()
      .describe(
        'Pages for `tracewright open`, by name. The proof makes known hotrod, tempo and, where there is one, grafana.',
      ),
  })
  .refine((stack) => !reservedNames.some((reserved) => reserved in stack.components), {
    path: ['components'],
    message: `must not be named ${reservedNames.join(', ')}: these are taken`,
  })
  .refine((stack) => stack.k3d === undefined || stack.targets.includes('k3d'), {
    path: ['k3d'],
    message: 'says something about a target that targets does not name',
  })
  .refine((stack) => stack.embedded === undefined || stack.targets.includes('embedded'), {
    path: ['embedded'],
    message: 'says something about a target that targets does not name',
  })
  .refine(({ open = {} }) => !(temporalPage in open), {
    path: ['open', temporalPage],
    message: 'is the name of the Temporal Web UI; choose another',
  })
  .refine(({ open = {} }) => !(tracesPage in open), {
    path: ['open', tracesPage],
    message: 'is the name of the page that explores traces; choose another',
  });

export type Stack = z.infer<typeof stackSchema>;
export type Component = z.infer<typeof component>;
export type ReleaseSpec = z.infer<typeof release>;
export type ImageRewriting = z.infer<typeof images>;
export type ChartSource = z.infer<typeof chart>;
export type ManifestsSpec = z.infer<typeof manifests>;
export type KubernetesObjectSpec = z.infer<typeof kubernetesObject>;
export type ReadyCheck = z.infer<typeof readyCheck>;
export type ProofSpec = z.infer<typeof proof>;
export type PageSpec = z.infer<typeof page>;
