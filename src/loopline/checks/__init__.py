"""checks: whether something is good enough to become current.

metrics       an evaluation: metrics with bootstrap intervals, paired with a base, on slices
bootstrap     the resamples behind it
names         the metrics that are known by name
requirements  one comparison of a policy, parsed: `slice(carrier).roc_auc >= base - 0.02 confident`
comparing     a comparison, judged on what was measured
evidence      what approvals bind to, and when they go stale
case          all recorded facts about one change
policy        all that a policy demands of one change, answered from a case
document      policies as the bytes that `policy/<project>@main` points at, and the difference of two in words

Never here: reading a ledger, running a check, the clock. Everything in this package is a pure function of its arguments.
"""
