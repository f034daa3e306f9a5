"""benchmarks: what Loopline costs, beside what others cost, in one run on one machine.

topic   a file here with `TITLE`, `ABOUT` and `cases(place)`: the cases that are measured in turns
side    a script in `sides/` that one contestant runs in its own environment, timing itself
case    one contestant doing one thing; every round runs each case of a topic once, so that all see the same machine
CPU time comes before wall time: it is what does not depend on who else is busy.
"""
