"""triggers: what follows what.

moments   the times that a schedule names in a zone: which was the last, which comes next
sound     whether a trigger can be carried out at all
causes    whether something that happened is what a trigger waits for

Never here: reading a ledger, the clock, doing anything. Everything in this package is a pure function of its arguments.
"""
