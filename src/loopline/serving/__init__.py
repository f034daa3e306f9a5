"""serving: models that answer, as the front of a service and its model processes see them.

desired  what a front is told to serve          batch   which rows go to a model together
pace     how long batches take                  table   rows as a model wants them
split    which arm answers a unit               worker  the process that holds one model
pool     model processes of an arm, kept alive  stamp   which artifact, run and change an answer came from
Protocol words are in faces/inference. Never here: HTTP, the ledger, the store.
"""
