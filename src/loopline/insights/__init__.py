"""insights: where a team's time goes, as pure functions from plain rows to nouns.

A *deployment* is a move of a ref that production lives on. A *unit* of change is what first gets there with it: a commit of code
or data, a version of a model. `reach` finds which; `dora` has the five keys, `learning` what only loops of models and data have,
`flow` the value stream of changes, `friction` what working here is like in numbers, `maturity` the practices, `survey` what
people say. `sums` has medians, `calendar` days and weeks of a team's zone. What the ledger does not know is said, never guessed.
Never here: SQL, a clock, the name of a person. Definitions: docs/explain/delivery-measures.md.
"""
