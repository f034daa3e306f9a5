"""pages: one file a page: what it asks of the loop, and which template shows it.

Each module has `ROUTES`. A handler wears `@taking` with the parameters of its address, or `@shown`, gets its loop from
`door`, runs verbs by `act`, and ends in `render`.
"""
