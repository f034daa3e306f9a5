"""Our errors are those of files for whoever knows nothing of Loopline."""

from __future__ import annotations

import errno

import pytest

from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Refused, Unavailable
from loopline.sdk.oserrors import as_os


@pytest.mark.parametrize(("error", "cls", "number"), [
    (NotFound("no", kind="no-asset", hint="look"), FileNotFoundError, errno.ENOENT),
    (NotFound("no", kind="blob-missing"), OSError, errno.EIO), (Refused("no", kind="not-allowed"), PermissionError, errno.EACCES),
    (Conflict("no", kind="ref-moved"), OSError, errno.EBUSY), (Invalid("no", kind="is-a-tree"), IsADirectoryError, errno.EISDIR),
    (Invalid("no", kind="file-is-folder"), NotADirectoryError, errno.ENOTDIR),
    (Invalid("no", kind="bad-path"), OSError, errno.EINVAL),
    (Unavailable("no", kind="blob-corrupt"), OSError, errno.EIO), (Unavailable("no", kind="disk-full"), OSError, errno.ENOSPC),
])  # fmt: skip
def test_each_class_has_its_number(error: LooplineError, cls: type[OSError], number: int) -> None:
    """What a program can do about it is what the number says; the path, the hint and our own error come along."""
    with pytest.raises(cls) as caught, as_os("flights@main/a"):
        raise error
    assert (caught.value.errno, caught.value.filename) == (number, "flights@main/a")
    assert caught.value.__cause__ is error
    assert error.hint in str(caught.value)
