{{- define "operator.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller-manager
{{- end }}

{{- define "operator.labels" -}}
{{ include "operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "operator.certificate" -}}
{{ .Release.Name }}-serving-cert
{{- end }}

{{- define "operator.certificateSecret" -}}
{{ .Release.Name }}-controller-manager-service-cert
{{- end }}

{{- define "operator.webhookService" -}}
{{ .Release.Name }}-webhook
{{- end }}

{{- /* The kinds of the operator whose objects go through its webhooks. */ -}}
{{- define "operator.webhookKinds" -}}
- { singular: opentelemetrycollector, plural: opentelemetrycollectors }
- { singular: instrumentation, plural: instrumentations }
- { singular: opampbridge, plural: opampbridges }
{{- end }}
