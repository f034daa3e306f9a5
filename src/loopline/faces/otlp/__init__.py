"""otlp: what a request did, as spans that an OpenTelemetry collector takes. An extra (`loopline[otel]`), and off by default."""
