"""access: who may do what.

A *role* says what an actor may do in a project, a *scope* what a token may be used for; `allow` puts both together. A *token* is
random and kept as a hash. Everything here is a pure function over values. Never here: rows, requests, logins.
"""
