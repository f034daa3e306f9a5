"""datasets: folders of files as values, and what became of them.

tree      an immutable, history-independent Merkle tree of paths; its root digest is the dataset
          `build(blobs, entries)`, `edit(blobs, root, changes)`, `Tree(blobs, root)`; the format is frozen
node      one blob of a tree: a leaf holds entries, an inner node holds references to nodes
diff      what became of each path between two trees, without reading what they share: `diff(blobs, a, b)`
scan      the files of a folder that count, after the ignore rules: `scan(root)`
index     what the file system said about each file when it was hashed: `Index`
build     a folder made into a tree, hashing what changed: `build_folder(blobs, folder, index)`, `status(...)`
checkout  a tree made into a folder, without losing anybody's edits: `checkout(blobs, tree, folder, index)`
rows      what became of each row between two tables, and what a table holds: `diff_rows`, `profile`
Never here: refs, versions, runs, messages. A dataset's name and its history are the ledger's.
"""
