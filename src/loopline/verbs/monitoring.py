"""monitoring: a service as Prometheus and Grafana watch it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from loopline.loop import Loop
from loopline.nouns.name import RefName
from loopline.verbs.deploying import service_at, service_ref


def monitoring(loop: Loop, service: Annotated[RefName, "service/delay@prod"]) -> Mapping[str, str]:
    """Write what Prometheus and Grafana need to watch a service, from its specification, as files by name.

    `prometheus.yml` is the same for every service: it reads what lies beside it. Each service has its targets (where its host
    says that it listens), its rules (objectives under [services."service/NAME".objectives] become alerts on burn rates over
    several windows), and a dashboard to import into Grafana. Write them again after a deploy.

    Example:
        loopline monitoring service/delay@prod --out monitoring
    """
    from loopline.signals.dashboard import dashboard
    from loopline.signals.rules import Watched, rules, yaml

    with loop.ledger.read() as tx:
        here = tx.refs.get(service_ref(service))
        one = Watched(service.asset.project, str(service), service_at(tx, loop, here))
        said = tx.deployments.find(service.asset.project, str(service))
    address = urlsplit(said.url).netloc if said and said.url else ""
    name = f"{service.asset.project}+{quote(service.asset.name, safe='')}@{quote(service.ref, safe='')}"
    return {
        "prometheus.yml": _told(f"Scrapes and alerts of Loopline. Written by loopline monitoring {service}.") + yaml(SCRAPING),
        f"{name}.targets.json": _json([{"targets": [address] if address else []}]),
        f"{name}.rules.yml": _told(f"Written by loopline monitoring {service}, from its version {here.target}.")
        + yaml(rules(one)),
        f"{name}.dashboard.json": _json(dashboard(one)),
    }  # fmt: skip


SCRAPING = {
    "global": {"scrape_interval": "15s", "evaluation_interval": "15s"},
    "rule_files": ["*.rules.yml"],
    "scrape_configs": [{"job_name": "loopline-services", "file_sd_configs": [{"files": ["*.targets.json"]}]}],
}


def _told(text: str) -> str:
    return f"# {text}\n"


def _json(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"
