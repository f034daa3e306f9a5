"""sdk: the loop from Python.

client     one way to ask a verb, here or over a wire: `client.do(promote, …)`
opening    the client that the settings name: of the ledger here (`Local`) or of a server (`Remote`)
remote     asks a server; wire: requests that are sent again where an answer was lost; following: work that is done there
transfer   a server's blobs, only those that are missing; together: some calls at a time
outbox     bytes that a server did not take yet; checkup: what doctor says of a server; credentials, device: logins
journal    a run's own file: what was logged is in it before `log` returns, whatever happens to the process next
shipping   the way of a journal's lines into the ledger, each of them once
forking    what threads of ours must not do while the program forks
leftovers  journals of processes that died, shipped by whoever comes next
session    the project that this process works in, found from its folder and opened at the first question
recording  an active run, as training code sees it: it never raises and never waits for the ledger
files      a version as a read-only folder that all processes share
values     what a program hands over to be published, and back
fluent     `start`, `log`, `data`, `model`, `connect`: what `import loopline` gives
source     which files are the source of a project; snapshot: their tree, stored
workspace  folders as versions, and versions as folders that people work in; standing: which version each folder holds
finding    which working folder, and which part of it, is meant by a name or by paths
watching   a process that keeps what changes in a folder; watched: asks it
Never here: how a verb does its work. Tracking never raises into user code; a user's own question does.
"""
