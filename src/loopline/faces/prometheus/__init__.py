"""prometheus: meters as Prometheus and OpenMetrics clients scrape them, of a server and of each service. See README.md.

server  what `loopline up` shows, and the route     service     what the front of a deployed service shows
tally   requests, counted by all processes of a server   exposition  which format a client gets
"""
