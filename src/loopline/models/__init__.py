"""models: a fitted model as an artifact, and what can be said about it without running it.

flavour    how a kind of model is written and read     codec      value to folder and back, in equal bytes for equal models
signature  what goes in, what comes out                trust      which types may be built from a file
scan       which types a file holds, read statically   card       what a person should know before using the model
profile    what training rows and answers looked like, which drift is measured against
A model is a folder: `model.json`, the flavour's file, and `profile.json` where it was signed. Never here: running unpickled code
unasked, names of assets, the ledger.
"""
