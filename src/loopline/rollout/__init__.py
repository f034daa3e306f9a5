"""rollout: how a new version takes over, and whether it may.

plan     the steps of each kind of rollout, and what makes a plan sound      machine  what comes next
units    recorded events become observations: each unit once                 judge    worse, not worse, or undecided
wagers   bounded differences: bets on the candidate being worse              events   whose events they are
slow     latency: whose units take longer than the baseline's used to        power    how many units an answer will take
*Candidate* and *baseline* are the two arms. A *unit* is what was assigned to one of them by chance; its *propensity* is the
chance that it had to meet the candidate. An *e-value* grows only by luck while the candidate is not worse: it reaches 1/α
with probability α at most, however often one looks (Ville 1939; Ramdas, Grünwald, Vovk & Shafer 2023).
Pure functions. Never here: the ledger, records, the weights of a service, a clock.
"""
