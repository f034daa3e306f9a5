"""Lint install/: the Dockerfile, the compose file and the Helm chart. Runs in the environment of install/lint.txt.

    .venv-install/bin/python scripts/lint_install.py           say what is wrong, and end with 1 if anything is
    .venv-install/bin/python scripts/lint_install.py --json    print all that was found and rendered, for tests/install

Helm is its own library, Kubernetes its own schemas. Nothing is built, started or sent anywhere.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import compose_spec  # type: ignore[import-not-found, unused-ignore] # in the environment of install/lint.txt
import helm_python  # type: ignore[import-not-found, unused-ignore] # as above
import kubernetes_validate  # type: ignore[import-not-found, unused-ignore] # as above
import yaml  # type: ignore[import-untyped, unused-ignore] # as above

ROOT: Final = Path(__file__).resolve().parents[1]
INSTALL: Final = ROOT / "install"
CHART: Final = INSTALL / "helm" / "loopline"
KUBERNETES: Final = ("1.25", "1.28", "1.31", "1.34", "1.37")
LEAST: Final[dict[str, Any]] = {
    "image": {"repository": "registry.example.org/loopline"},
    "database": {"secret": {"name": "database"}},
    "store": {"url": "s3://bucket/ml"},
}
MOST: Final[dict[str, Any]] = {
    "image": {
        "repository": "registry.example.org:5000/ml/loopline",
        "digest": "sha256:" + "0" * 64,
        "pullPolicy": "Always",
    },
    "imagePullSecrets": [{"name": "registry"}],
    "project": "flights",
    "hosts": ["ml.example.org"],
    "proxies": ["10.244.0.0/16", "fd00::7"],
    "uploadLimit": "500GiB",
    "database": {"secret": {"name": "database", "key": "address"}},
    "store": {
        "url": "s3://bucket/ml", "endpoint": "https://objects.example.org", "region": "eu-central-1", "cacheLimit": "5GiB",
        "secret": {"name": "objects", "key": "keys"},
    },
    "oidc": {
        "issuer": "https://login.example.org", "clientId": "loopline", "admins": ["ann@example.org", "ben@example.org"],
        "clientSecret": {"name": "login", "key": "secret"}, "groupsClaim": "roles",
    },
    "webhooks": {"secret": {"name": "signing"}},
    "server": {
        "replicas": 3, "processes": 2, "nodeSelector": {"disk": "fast"}, "annotations": {"a/b": "c"},
        "tolerations": [{"key": "ml", "operator": "Exists"}], "podDisruptionBudget": {"minAvailable": "50%"},
        "affinity": {"nodeAffinity": {}},
    },
    "workers": [
        {"queue": "default", "replicas": 2},
        {"queue": "asleep", "replicas": 0},
        {"queue": "gpu", "resources": {"limits": {"nvidia.com/gpu": 1}}, "nodeSelector": {"gpu": "yes"}},
    ],
    "ingress": {
        "enabled": True, "className": "nginx", "host": "loopline.example.org", "annotations": {"x/y": "z"},
        "tls": [{"secretName": "tls", "hosts": ["loopline.example.org"]}],
    },
    "networkPolicy": {
        "from": [{"namespaceSelector": {"matchLabels": {"name": "ingress"}}}],
        "extraEgress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
    },
    "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/x"}},
    "env": [{"name": "TZ", "value": "Europe/Berlin"}],
}  # fmt: skip
FEWEST: Final[dict[str, Any]] = {
    **LEAST,
    "store": {"url": "gs://bucket", "secret": {"name": "google"}},
    "server": {"replicas": 1},
    "workers": [],
    "networkPolicy": {"enabled": False},
    "serviceAccount": {"create": False},
    "migrate": {"enabled": False},
}
CASES: Final = {"least": LEAST, "most": MOST, "fewest": FEWEST}


def dockerfile() -> list[str]:
    """Give what hadolint says."""
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([str(hadolint), str(INSTALL / "Dockerfile")], capture_output=True, text=True, check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if line]


def compose() -> tuple[list[str], dict[str, Any]]:
    """Read the compose file by the specification's types; give what is wrong and what it says."""
    path = INSTALL / "compose" / "compose.yaml"
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", path.read_text(encoding="utf-8")).replace(
        "$$", "$"
    )  # as compose fills it in
    whole = yaml.safe_load(text)
    wrong = []
    try:
        plain = {key: one for key, one in whole.items() if not key.startswith("x-")}
        found = compose_spec.PyCompose.from_json(json.dumps(plain))
        found.validate()
    except Exception as error:  # noqa: BLE001 - whatever the library raises is what is wrong
        wrong.append(f"{path.name}: {error}")
    return wrong, whole


def chart() -> tuple[list[str], dict[str, list[dict[str, Any]]]]:
    """Lint the chart strictly, render it in each case, and hold each manifest against the schemas of Kubernetes."""
    wrong: list[str] = []
    rendered: dict[str, list[dict[str, Any]]] = {}
    with helm_python.Chart.load(CHART) as loaded:
        for name, values in CASES.items():
            said = helm_python.lint(CHART, values, strict=True, namespace="ml")
            wrong += [f"{name}: {one['path']}: {one['error']}" for one in said["messages"] if one["severity"] > 1]
            wrong += [f"{name}: {one}" for one in said["errors"]]
            files = loaded.render(values, name="team", namespace="ml")
            rendered[name] = [
                one
                for file, text in sorted(files.items())
                if file.endswith(".yaml")
                for one in yaml.safe_load_all(text)
                if one
            ]
            wrong += [f"{name}: {one}" for manifest in rendered[name] for one in _invalid(manifest)]
    return wrong, rendered


def refused() -> list[str]:
    """Give the names of values that the chart's schema lets through and must not."""
    wrong: dict[str, dict[str, Any]] = {
        "nothing": {},
        "an unknown key": {**LEAST, "replicas": 3},
        "an unknown key inside": {**LEAST, "server": {"replica": 3}},
        "no image": {**LEAST, "image": {"repository": ""}},
        "no database": {**LEAST, "database": {"secret": {"name": ""}}},
        "a password in place of a Secret": {**LEAST, "database": {"url": "postgresql://u:p@h/x"}},
        "a store that is a folder": {**LEAST, "store": {"url": "/data"}},
        "half a worker": {**LEAST, "workers": [{"replicas": 1}]},
        "an ingress without a host": {**LEAST, "ingress": {"enabled": True}},
        "a tag as digest": {**LEAST, "image": {"repository": "x", "digest": "latest"}},
    }
    let_through = []
    with helm_python.Chart.load(CHART) as loaded:
        for name, values in wrong.items():
            try:
                loaded.validate_schema(values)
            except helm_python.HelmError:
                continue
            let_through.append(name)
    return let_through


def _invalid(manifest: dict[str, Any]) -> list[str]:
    found = []
    for version in KUBERNETES:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except Exception as error:  # noqa: BLE001 - as above
            found.append(f"{manifest['kind']} {manifest['metadata']['name']} on {version}: {error}")
    return found


def main() -> int:
    """Do all of it."""
    wrong_compose, composed = compose()
    wrong_chart, rendered = chart()
    wrong = {
        "dockerfile": dockerfile(),
        "compose": wrong_compose,
        "chart": wrong_chart,
        "let through": refused(),
    }
    if "--json" in sys.argv[1:]:
        helm = helm_python.helm_sdk_version()
        print(json.dumps({"wrong": wrong, "compose": composed, "manifests": rendered, "helm": helm}))
        return 0
    for where, lines in wrong.items():
        for line in lines:
            print(f"{where}: {line}")
    return 1 if any(wrong.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
