"""signals: what happens to a model in use: records, labels, quality, drift, alerts.

counts    a window in the bins of its reference       drift   how far a window is from it, with the error of saying so
monitors  one look at a window, and when looks that are bad become an alert
Telemetry is files, not ledger entries: appended to write-ahead segments, sealed into Parquet by event time, asked with DuckDB.
Never here: HTTP, the ledger.
"""
