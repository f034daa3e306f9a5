"""parts: files and folders of a folder that somebody named, so that nothing else of it is looked at."""

from __future__ import annotations

from collections.abc import Iterable


class Parts:
    """Paths relative to a folder, `/` between parts, none of them inside another. None at all means the whole folder."""

    def __init__(self, paths: Iterable[str] = ()) -> None:
        kept: dict[str, None] = {}
        for path in sorted(paths, key=lambda one: one.split("/")):
            if not any(above in kept for above in _ways(path)):
                kept[path] = None
        self.paths = tuple(kept)
        self._paths = kept

    def __bool__(self) -> bool:
        """Tell whether it is only a part."""
        return bool(self.paths)

    def __contains__(self, path: str) -> bool:
        """Tell whether a file is one of them or lies in one of them."""
        return not self.paths or any(way in self._paths for way in _ways(path))


WHOLE = Parts()


def _ways(path: str) -> Iterable[str]:
    """Give a path and all folders that it lies in."""
    yield path
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
