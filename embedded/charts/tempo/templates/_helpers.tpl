{{- define "tempo.selector" -}}
app.kubernetes.io/name: tempo
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "tempo.labels" -}}
{{ include "tempo.selector" . }}
app.kubernetes.io/version: {{ .Values.tempo.tag | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* What Tempo listens on: container and Service share the list. 16686, 16687 belong to tempo-query, of which no
build can be had; 9411, 55680 and 55681 have no receiver in the tutorial's values either. */ -}}
{{- define "tempo.ports" -}}
- { name: tempo-prom-metrics, port: {{ .Values.tempo.server.http_listen_port }}, protocol: TCP }
- { name: tempo-jaeger-thrift-compact, port: 6831, protocol: UDP }
- { name: tempo-jaeger-thrift-binary, port: 6832, protocol: UDP }
- { name: tempo-jaeger-thrift-http, port: 14268, protocol: TCP }
- { name: grpc-tempo-jaeger, port: 14250, protocol: TCP }
- { name: grpc-tempo-otlp, port: 4317, protocol: TCP }
- { name: tempo-otlp-http, port: 4318, protocol: TCP }
- { name: tempo-opencensus, port: 55678, protocol: TCP }
{{- end }}
