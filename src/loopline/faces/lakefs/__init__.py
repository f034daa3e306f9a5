"""lakefs: data assets for clients of lakeFS, below `/lakefs/api/v1`.

A *repository* is a data asset, its *branches* and *tags* are refs, a *commit* is a version, what is *uncommitted* is what is
staged on a branch (`verbs/staging.py`). An *expression* is what clients call a ref: `main`, `main@`, `v1~2`, `3f2c…`. A *fault*
is an error in lakeFS's words. Never here: rules about data. README.md says what is spoken.
"""
