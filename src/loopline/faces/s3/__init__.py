"""s3: data assets for clients of S3, below `/s3` or under names of their own.

A *bucket* is a data asset of the server's project (`NAME`, keys `REF/PATH`), one of its branches (`NAME.REF`, plain keys), or a
name that somebody gave a branch (`loopline bucket`). What is written is *staged* on the branch (`verbs/staging.py`) until
somebody commits. A *fault* is an error in S3's words. Never here: rules about data. README.md says what is spoken.
"""
