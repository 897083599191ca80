/** What the tutorial says, kept here as the expectation of what the stacks must say. */

export const collectorConfigOfTheTutorial = `receivers:
  otlp:
    protocols:
      grpc:
      http:
  jaeger:
    protocols:
      grpc:
      thrift_binary:
      thrift_compact:
      thrift_http:

processors:
  batch:

exporters:
  otlp:
    # otlp http protocol
    endpoint: tempo.tracing:4317
    tls:
      insecure: true
  jaeger:
    endpoint: tempo.tracing:14250
    tls:
      insecure: true
  logging:
    loglevel: debug

service:
  pipelines:
    traces:
      receivers: [otlp, jaeger]
      processors: []
      exporters: [logging, otlp]
`;

export const hotrodOfTheTutorial = [
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { labels: { app: 'example-hotrod' }, name: 'example-hotrod' },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'example-hotrod' } },
      strategy: {},
      template: {
        metadata: { labels: { app: 'example-hotrod' } },
        spec: {
          containers: [
            {
              image: 'jaegertracing/example-hotrod:latest',
              name: 'example-hotrod',
              args: ['all'],
              env: [
                {
                  name: 'OTEL_EXPORTER_JAEGER_ENDPOINT',
                  value: 'http://otel-collector-collector.otel-system.svc.cluster.local:14268/api/traces',
                },
              ],
              ports: [
                { containerPort: 8080, name: 'frontend' },
                { containerPort: 8081, name: 'customer' },
                { containerPort: 8083, name: 'route' },
              ],
              resources: {
                limits: { cpu: '100m', memory: '100M' },
                requests: { cpu: '100m', memory: '100M' },
              },
            },
          ],
        },
      },
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'example-hotrod' },
    spec: {
      selector: { app: 'example-hotrod' },
      ports: [{ name: 'frontend', protocol: 'TCP', port: 8080, targetPort: 'frontend' }],
    },
  },
];

export const prometheusValuesOfTheTutorial = {
  grafana: {
    image: { tag: '9.3.6' },
    defaultDashboardsTimezone: 'browser',
    additionalDataSources: [
      { name: 'Tempo', type: 'tempo', url: 'http://tempo.tracing:3100', access: 'proxy' },
    ],
    'grafana.ini': {
      users: { viewers_can_edit: true },
      auth: { disable_login_form: false, disable_signout_menu: false },
      'auth.anonymous': { enabled: true, org_role: 'Viewer' },
      feature_toggles: { enable: 'traceqlEditor' },
    },
    sidecar: {
      datasources: { logLevel: 'DEBUG', enabled: true, searchNamespace: 'ALL' },
      dashboards: {
        logLevel: 'DEBUG',
        enabled: true,
        searchNamespace: 'ALL',
        label: 'grafana_dashboard',
        labelValue: '1',
      },
    },
  },
  prometheus: {
    prometheusSpec: {
      serviceMonitorSelectorNilUsesHelmValues: false,
      podMonitorSelectorNilUsesHelmValues: false,
      ruleSelectorNilUsesHelmValues: false,
      probeSelectorNilUsesHelmValues: false,
    },
  },
};

/** Of `kubectl get all -n tracing`, in its order. */
export const tempoPortsOfTheTutorial = [
  '3100/TCP',
  '16687/TCP',
  '16686/TCP',
  '6831/UDP',
  '6832/UDP',
  '14268/TCP',
  '14250/TCP',
  '9411/TCP',
  '55680/TCP',
  '55681/TCP',
  '4317/TCP',
  '4318/TCP',
  '55678/TCP',
];

/** Of `kubectl describe statefulset/tempo -n tracing`. */
export const tempoLabelsOfTheTutorial = {
  'app.kubernetes.io/instance': 'tempo',
  'app.kubernetes.io/managed-by': 'Helm',
  'app.kubernetes.io/name': 'tempo',
  'app.kubernetes.io/version': '2.0.0',
  'helm.sh/chart': 'tempo-1.0.0',
};

export const tempoContainersOfTheTutorial = [
  {
    name: 'tempo',
    image: 'grafana/tempo:2.0.0',
    args: ['-config.file=/conf/tempo.yaml', '-mem-ballast-size-mbs=1024'],
    volumeMounts: [{ name: 'tempo-conf', mountPath: '/conf' }],
  },
  {
    name: 'tempo-query',
    image: 'grafana/tempo-query:2.0.0',
    args: ['--query.base-path=/', '--grpc-storage-plugin.configuration-file=/conf/tempo-query.yaml'],
    volumeMounts: [{ name: 'tempo-query-conf', mountPath: '/conf' }],
  },
];
