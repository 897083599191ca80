{{- /* Cut at 26 characters, as the community chart does: its objects have names like kube-stack-prometheus-kube-operator. */ -}}
{{- define "stack.fullname" -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 26 | trimSuffix "-" }}
{{- end }}

{{- define "stack.labels" -}}
app.kubernetes.io/part-of: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
release: {{ .Release.Name }}
{{- end }}

{{- define "stack.operator.selector" -}}
app: {{ .Chart.Name }}-operator
release: {{ .Release.Name }}
{{- end }}

{{- /* What prometheusSpec says of `kind` (serviceMonitor, podMonitor, probe, rule); see values.yaml. */ -}}
{{- define "stack.selector" -}}
{{- $selector := get .spec (printf "%sSelector" .kind) -}}
{{- if $selector }}
{{- toYaml $selector }}
{{- else if get .spec (printf "%sSelectorNilUsesHelmValues" .kind) }}
matchLabels:
  release: {{ .release }}
{{- else }}
{}
{{- end }}
{{- end }}
