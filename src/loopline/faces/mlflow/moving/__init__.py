"""moving: a whole tracking store of MLflow as values, read from wherever it is, and written.

A *store* gives what it has as documents (`store.py`), the same whether it is a folder, a database, a server, or our own ledger.
To *adopt* is to write another store's documents into the ledger, to *export* is to write the ledger's into a folder that MLflow
opens, to *compare* is to count and sum both sides. Nothing here loads a model or runs anything of what it reads.
"""
