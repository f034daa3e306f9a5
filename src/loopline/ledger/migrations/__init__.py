"""migrations: how the tables came to be, one file a step, run by Alembic; `schema.py` beside this decides when."""
