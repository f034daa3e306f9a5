"""otlp: OpenTelemetry's protocol: spans that others send here (`receiving.py`), and what a request did, sent to a collector.

Receiving needs nothing beside the base install. Sending (`tracing.py`) is an extra (`loopline[otel]`), and off by default.
"""
