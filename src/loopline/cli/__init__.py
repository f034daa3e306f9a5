"""cli: the loop for people at a terminal.

A *command* is a verb, or a local one that needs this machine (`local/NAME.py`). Its words and flags come from its signature
(verbs/usage.py); nothing is declared twice. `argv` reads them, `place` opens the loop, `render` draws the result, `faults`
says what went wrong. stdout carries data, stderr everything else; a status is never told by colour alone.
Never here: what a verb means. Nothing heavy is imported before it is needed: a read command costs 80 ms of CPU at most.
"""
