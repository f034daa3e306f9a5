{{- define "loopline.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "loopline.labels" -}}
app.kubernetes.io/name: loopline
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "loopline.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "loopline.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "loopline.name" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end }}

{{- define "loopline.address" -}}
{{- if .Values.address -}}
{{ .Values.address }}
{{- else if .Values.ingress.enabled -}}
{{ ternary "https" "http" (not (empty .Values.ingress.tls)) }}://{{ .Values.ingress.host }}
{{- end -}}
{{- end }}

{{- /* What every pod may and may not do. */ -}}
{{- define "loopline.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "loopline.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "loopline.env" -}}
- {name: LOOPLINE_PROJECT, value: {{ .Values.project | quote }}}
- {name: LOOPLINE_DATABASE, value: "file:/run/secrets/loopline/database"}
- {name: LOOPLINE_STORE, value: {{ .Values.store.url | quote }}}
- {name: LOOPLINE_CACHE_LIMIT, value: {{ .Values.store.cacheLimit | quote }}}
{{- if hasPrefix "s3://" .Values.store.url }}
- {name: AWS_REGION, value: {{ .Values.store.region | quote }}}
{{- with .Values.store.endpoint }}
- {name: AWS_ENDPOINT_URL, value: {{ . | quote }}}
{{- end }}
{{- if .Values.store.secret.name }}
- {name: AWS_SHARED_CREDENTIALS_FILE, value: /run/secrets/loopline/store}
{{- end }}
{{- else if and (hasPrefix "gs://" .Values.store.url) .Values.store.secret.name }}
- {name: GOOGLE_APPLICATION_CREDENTIALS, value: /run/secrets/loopline/store}
{{- end }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "loopline.serverEnv" -}}
- {name: LOOPLINE_HOST, value: "0.0.0.0"}
- {name: LOOPLINE_PORT, value: "4040"}
- {name: LOOPLINE_UPLOAD_LIMIT, value: {{ .Values.uploadLimit | quote }}}
{{- with include "loopline.address" . }}
- {name: LOOPLINE_ADDRESS, value: {{ . | quote }}}
{{- end }}
- {name: LOOPLINE_HOSTS, value: {{ concat .Values.hosts (list (include "loopline.name" .) (printf "%s.%s.svc" (include "loopline.name" .) .Release.Namespace) (printf "%s.%s.svc.cluster.local" (include "loopline.name" .) .Release.Namespace)) | join "," | quote }}}
{{- with .Values.proxies }}
- {name: LOOPLINE_PROXIES, value: {{ join "," . | quote }}}
{{- end }}
{{- if .Values.webhooks.secret.name }}
- {name: LOOPLINE_WEBHOOK_SECRETS, value: /run/webhooks}
{{- end }}
{{- if .Values.oidc.issuer }}
- {name: LOOPLINE_OIDC_ISSUER, value: {{ .Values.oidc.issuer | quote }}}
- {name: LOOPLINE_OIDC_CLIENT_ID, value: {{ .Values.oidc.clientId | quote }}}
- {name: LOOPLINE_OIDC_GROUPS_CLAIM, value: {{ .Values.oidc.groupsClaim | quote }}}
{{- with .Values.oidc.admins }}
- {name: LOOPLINE_OIDC_ADMINS, value: {{ join "," . | quote }}}
{{- end }}
{{- if .Values.oidc.clientSecret.name }}
- {name: LOOPLINE_OIDC_CLIENT_SECRET, value: "file:/run/secrets/loopline/oidc"}
{{- end }}
{{- end }}
{{- end }}

{{- define "loopline.mounts" -}}
- {name: home, mountPath: /var/lib/loopline}
- {name: tmp, mountPath: /tmp}
- {name: secrets, mountPath: /run/secrets/loopline, readOnly: true}
{{- end }}

{{- define "loopline.volumes" -}}
- name: home
  emptyDir: {sizeLimit: {{ .Values.volumes.home.sizeLimit }}}
- name: tmp
  emptyDir: {sizeLimit: {{ .Values.volumes.tmp.sizeLimit }}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ .Values.database.secret.name }}
          items: [{key: {{ .Values.database.secret.key }}, path: database}]
      {{- if .Values.store.secret.name }}
      - secret:
          name: {{ .Values.store.secret.name }}
          items: [{key: {{ .Values.store.secret.key }}, path: store}]
      {{- end }}
      {{- if and .Values.oidc.issuer .Values.oidc.clientSecret.name }}
      - secret:
          name: {{ .Values.oidc.clientSecret.name }}
          items: [{key: {{ .Values.oidc.clientSecret.key }}, path: oidc}]
      {{- end }}
{{- end }}
