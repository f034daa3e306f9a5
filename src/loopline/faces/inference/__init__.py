"""inference: the Open Inference Protocol v2 over REST, and a plain JSON route for people with curl.

`wire` reads and writes the protocol, `records` the plain route, `app` knows the addresses. README.md says what is spoken.
"""
