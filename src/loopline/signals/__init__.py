"""signals: what happens to a model in use: records, labels, quality, drift, alerts.

counts    a window in the bins of its reference       drift   how far a window is from it, with the error of saying so
monitors  one look at a window, and when looks that are bad become an alert
segments   what a front wrote down, first       entry      one request as it is written down (frames: how)
sealing    segments become Parquet (switching)  labels     the truth, told later (labelling, matching)
queries    what was predicted                   quality    predictions and labels side by side
rules      what Prometheus alerts on             dashboard  the same for Grafana, of a service's specification
Telemetry is files, not ledger entries: appended to write-ahead segments, sealed into Parquet by event time, asked with DuckDB.
Never here: HTTP, the ledger.
"""
