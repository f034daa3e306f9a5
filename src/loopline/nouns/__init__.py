"""nouns: the frozen values that every other package speaks in.

artifact  immutable bytes by digest            asset    a name with a history of versions
ref       a mutable name for one version       run      any execution
change    a movement of refs, with evidence    policy   what must hold before a ref may move
verdict   the answer of a check                event    one entry of the feed
entry     one file of a tree                   job      work for an executor
Standard library only; nothing here reads a file, a clock or a database.
"""
