"""policies: documents by digest, kept as rows so that a move is judged without reading a blob (table policies)."""

from __future__ import annotations

from loopline.nouns.digest import Digest, digest_of
from loopline.store.database import Rows


class Policies:
    """The documents that policy versions name."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def keep(self, document: bytes) -> Digest:
        """Write a document down under its digest. Repeating is harmless."""
        digest = digest_of(document)
        self._rows.do(
            "INSERT INTO policies (digest, document) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING",
            digest,
            document.decode(),
        )
        return digest

    def find(self, digest: Digest) -> bytes | None:
        """Look one up."""
        row = self._rows.one("SELECT document FROM policies WHERE digest = ?", digest)
        return str(row[0]).encode() if row else None

    def in_force(self, project: str) -> tuple[Digest, bytes] | None:
        """Give the document that `policy/<project>@main` points at, or None where there is no policy."""
        row = self._rows.one(
            "SELECT p.digest, p.document FROM refs r JOIN assets a ON a.id = r.asset"
            " JOIN versions v ON v.asset = r.asset AND v.number = r.target JOIN policies p ON p.digest = v.digest"
            " WHERE a.project = ? AND a.kind = 'policy' AND a.name = ? AND r.name = 'main'",
            project, project,
        )  # fmt: skip
        return (Digest(row[0]), str(row[1]).encode()) if row else None
