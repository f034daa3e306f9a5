"""store: bytes by digest, rows in SQL, and the machine's clock.

blob      bytes, named by their sha256 digest     blobs     the port; `memory`, `local` and `objects` keep it
copy      a blob that is far away, here as well   cached    blobs with copies in a folder
writer    a blob that is being written            database  the port for rows; `sqlite` and `postgres` keep it
pack      many small blobs in one file            packs     those of a folder, each with a `packindex`
piece     a MiB of a large blob, with its sum     system    the clock and the ids of this machine
link      a blob's file under another name        links     those of a folder, parted where somebody writes
Only this package imports a database driver or an object-store client. Never here: what the bytes or rows mean.
"""
