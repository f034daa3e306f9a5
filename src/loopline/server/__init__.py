"""server: the processes of `loopline up`.

The *app* answers requests, the *ticker* does what time asks for, the *relay* tells subscribers, a *worker* does long work. All of
them may be killed at any moment and stand on the ledger alone. Never here: what a verb does, what a protocol says.
"""
