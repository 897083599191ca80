{{- define "trace-store.selector" -}}
app.kubernetes.io/name: trace-store
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "trace-store.labels" -}}
{{ include "trace-store.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* What the store listens on: container and Service share the list. The names are at most 15 characters long. */ -}}
{{- define "trace-store.ports" -}}
- { name: http, port: 3100, protocol: TCP }
- { name: otlp-grpc, port: 4317, protocol: TCP }
- { name: otlp-http, port: 4318, protocol: TCP }
- { name: jaeger-grpc, port: 14250, protocol: TCP }
- { name: jaeger-http, port: 14268, protocol: TCP }
- { name: jaeger-compact, port: 6831, protocol: UDP }
- { name: jaeger-binary, port: 6832, protocol: UDP }
- { name: zipkin, port: 9411, protocol: TCP }
{{- end }}
