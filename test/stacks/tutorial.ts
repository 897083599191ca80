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
