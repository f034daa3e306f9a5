"""native: the verbs over HTTP, at /api/v1. What is spoken is in README.md.

A *word* is a value as it is written, in a query or in JSON; `verbs/usage.py` reads words into what a verb takes, and
`verbs/plain.py` writes what it gives. No verb has a route of its own. Never here: what a verb does, who may ask it.
"""
