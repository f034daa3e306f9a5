"""charts: pictures of numbers as SVG text, made on the server.

A *chart* is a pure function from values to `Markup`: an `<svg>` with a viewBox, a `<title>` and a `<desc>`, coloured by classes
of the style sheet, and behind it the numbers as a table for whoever cannot see it. A *scale* takes values to places, *ticks* are
round values on it. What is no number is left out and counted in the description. Never here: I/O, styles, scripts, the ledger.
"""
