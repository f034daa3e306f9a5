"""executors: making a job happen somewhere else.

job      one call of one function (nouns/job.py)     outcome  how it ended: returned, raised, died, cancelled
port     what an executor promises                   inline   runs jobs in this process, for tests and debugging
local    runs jobs in warm processes of this machine: pool (who runs what), process (one of them, seen from here),
         processors (how they share the machine),
         worker and call (the other side of the pipe), frames (what goes through it), logs (what jobs print)
Never here: what a job means, pipelines, caches, the ledger.
"""
