"""signals: what happens to a model in use: records, labels, quality, drift, alerts.

Telemetry is files, not ledger entries: appended to write-ahead segments, sealed into Parquet by event time, asked with
DuckDB. Never here: HTTP, the ledger.
"""
