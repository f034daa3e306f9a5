"""environments: what a run could import, written down; the same made again; and whether this machine is fit for it.

lock      Python, platform and distributions by name and version, as canonical JSON; its digest names the environment
capture   the lock of the running interpreter          restore   a virtual environment out of a lock, by uv
plugins   what installed packages offer under a group's name
registry  where pip would look, told to uv             doctor    findings about this machine, each with its remedy
Never in a lock: addresses of registries, paths of this machine, credentials. Never here: packages' contents.
"""
