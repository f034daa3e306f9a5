"""web: pages over everything the spine records, for people with a browser.

A *page* is a URL that answers one question, a template, and the verb that gives what it shows (`pages/`); `page.py` renders it,
`asked.py` says which command and which `/api/v1/` address ask the same. A *chart* is an SVG text made on the server (`charts/`).
Never here: SQL, rules of the loop, a script or a style inside of a page, anything from another host.
"""
