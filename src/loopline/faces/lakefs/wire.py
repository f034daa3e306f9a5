"""wire: the documents that clients send. What they say beyond that is of later versions of the protocol, and not looked at."""

from __future__ import annotations

from typing import Literal

import msgspec

Words = dict[str, str]


class Login(msgspec.Struct):
    """What one signs in with."""

    access_key_id: str
    secret_access_key: str


class RepositoryCreation(msgspec.Struct):
    """A repository that shall be made."""

    name: str
    storage_namespace: str = ""
    default_branch: str | None = None
    storage_id: str | None = None
    sample_data: bool | None = None
    read_only: bool | None = None


class BranchCreation(msgspec.Struct):
    """A branch that shall be made. Hidden ones are listed here as all are."""

    name: str
    source: str


class TagCreation(msgspec.Struct):
    """A tag that shall be made."""

    id: str
    ref: str


class ResetCreation(msgspec.Struct):
    """What is forgotten of what is uncommitted."""

    type: Literal["object", "common_prefix", "reset"]
    path: str | None = None


class CommitCreation(msgspec.Struct):
    """A commit that shall be made."""

    message: str = ""
    metadata: Words | None = None
    date: int | None = None
    allow_empty: bool | None = None


class CommitOverrides(msgspec.Struct):
    """What a commit says instead of what it would say by itself."""

    message: str | None = None
    metadata: Words | None = None


class RevertCreation(msgspec.Struct):
    """What is undone."""

    ref: str
    parent_number: int = 0
    commit_overrides: CommitOverrides | None = None
    allow_empty: bool | None = None


class CherryPickCreation(msgspec.Struct):
    """What is done on another branch as well."""

    ref: str
    parent_number: int | None = None
    commit_overrides: CommitOverrides | None = None


class Merge(msgspec.Struct):
    """How two lines become one."""

    message: str | None = None
    metadata: Words | None = None
    strategy: str | None = None
    allow_empty: bool | None = None
    squash_merge: bool | None = None


class PathList(msgspec.Struct):
    """Paths."""

    paths: list[str]


class ObjectCopyCreation(msgspec.Struct):
    """What is copied."""

    src_path: str
    src_ref: str | None = None


class StagingLocation(msgspec.Struct):
    """Where bytes were brought."""

    physical_address: str | None = None


class StagingMetadata(msgspec.Struct):
    """Bytes that were brought, and what they shall be called."""

    staging: StagingLocation
    checksum: str
    size_bytes: int
    user_metadata: Words | None = None
    content_type: str | None = None


class ImportLocation(msgspec.Struct):
    """Files that lie elsewhere."""

    type: Literal["object", "common_prefix"]
    path: str
    destination: str


class ImportCreation(msgspec.Struct):
    """Files that shall be brought in, and the commit that they make."""

    paths: list[ImportLocation]
    commit: CommitCreation
