"""datasets: folders of files as values, and what became of them.

tree      an immutable, history-independent Merkle tree of paths, whose root digest is the dataset; the format is frozen:
          `build(blobs, entries)`, `edit(blobs, root, changes)`, `Tree(blobs, root)`
node      one blob of a tree: a leaf holds entries, an inner node refers to nodes (`nodes.py` has the bytes)
path      which strings may name a file in a tree: `check_path(path)`
diff      what became of each path between two trees, without reading what they share: `diff(blobs, a, b)`
scan      the files of a folder that count, after the rules of `ignore`: `scan(root)`, `look(root, paths)`
index     what the file system said about each file when it was read, and the tree that the folder is in step with: `Index`
watcher   what has changed in a folder since a moment, as the system tells it (`inotify`): `Watcher(top).ask(since)`
parts     files and folders of a folder that were named, where nothing else of it is looked at: `Parts(paths)`
build     a folder made into a tree, reading what changed: `build_folder(blobs, folder, index)`
standing  how a folder differs from a tree: `status(blobs, root, folder, index)`
checkout  a tree made into a folder, without losing anybody's work: `checkout(blobs, root, folder, index)`; `planning` decides,
          `copies` writes, many files at once by `beside`, and `placing` moves each to its place
hands     processes that do a part of our work: `hands(work, count)`
linked    files of a folder that are hard links to the store's, and were written: `part_written(blobs, folder, index)`
folders   a folder stored or fetched whole, for who has no working copy: `TreeFolders(blobs)`
rows      what became of each row between two tables: `diff_rows(old, new, key=…)`; `profile(paths)` says what a table holds
dvc…      what a repository of DVC says of its data (`dvcyaml`), where it keeps it (`dvcconfig`), by which hashes (`dvcobjects`)
Never here: refs, versions, runs, messages. A dataset's name and its history are the ledger's.
"""
