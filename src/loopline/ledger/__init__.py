"""ledger: what there is, what happened, what is current, and why.

A *transaction* of the ledger (`Ledger.write`) changes rows and adds exactly one *event* to the *feed* of its project, a
hash-chained log. *Refs* move by compare-and-swap inside such a transaction and only with a *change*. *Points* of
metrics are telemetry: they are durable, but no event. Each module owns the tables it names in its first line.
Never here: bytes (store/blobs.py), policies' meaning (checks/), files and terminals.
"""
