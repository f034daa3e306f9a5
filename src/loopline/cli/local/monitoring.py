"""monitoring: the files by which Prometheus and Grafana watch a service, in a folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PureWindowsPath
from typing import Annotated

from loopline.cli.place import Place
from loopline.errors import Invalid
from loopline.nouns.name import RefName


def monitoring(
    where: Place,
    service: Annotated[RefName, "service/delay@prod"],
    *,
    out: Annotated[Path, "the folder they are written to; former ones are replaced"] = Path("monitoring"),
) -> Mapping[str, str]:
    """Write what Prometheus and Grafana need to watch a service, from its specification, as files by name.

    `prometheus.yml` is the same for every service: it reads what lies beside it. Each service has its targets (where its host
    says that it listens), its rules (objectives under [services."service/NAME".objectives] become alerts on burn rates over
    several windows), and a dashboard to import into Grafana. Write them again after a deploy.

    Example:
        loopline monitoring service/delay@prod --out monitoring
        prometheus --config.file monitoring/prometheus.yml
    """
    from loopline.verbs.monitoring import monitoring as write

    texts = where.client.do(write, service)
    _check(texts)
    if not where.options.dry:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (out / name).write_text(text, encoding="utf-8")
    return {name: str(out / name) for name in texts}


def _check(names: Iterable[str]) -> None:
    """Raise Invalid kind="bad-path" for what leads out of a folder, on any system: a server may have named it."""
    for name in names:
        if PureWindowsPath(name).name != name or name in ("", ".", "..") or not name.isprintable():
            raise Invalid(
                f"{name!r} is no file's name", kind="bad-path", hint="ask whoever runs the server what it is", path=name
            )
