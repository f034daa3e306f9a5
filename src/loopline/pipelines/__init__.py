"""pipelines: functions as steps, steps as a graph, and what need not run again.

step        a function that a pipeline can run elsewhere and keep the result of; called by itself it just runs
pipeline    a function whose body calls steps; its return value says what is published
output      what a step will return, as seen in a pipeline's body; `Data` and `Model` are what the pipeline reads
graph       a pipeline's body with its parameters filled in: nodes, arguments, assets, what is published
key         the name that a step's result has before it is made: code reached, parameters, inputs, packages, Python
plan        which nodes are cached, which must run, and why; a *schedule* says which may run next
codec       how a value becomes an artifact and back; a value without a codec is refused, never pickled
task        one node with its inputs, as bytes for a worker; `perform` does it and gives a *reply*

A verb that runs a pipeline goes through: `loading.load` → `parameters.parsed` → `graph.trace` → resolve `graph.assets`
→ `plan.plan` → `schedule.Schedule` with `perform.Task` for an executor and `perform.Reply` back.
Never here: the ledger, an executor, the clock, what a ref points at. Columns do not know each other.
"""
