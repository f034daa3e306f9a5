"""The Helm chart, as Helm itself renders it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.install.conftest import pods

CASES = ["least", "most", "fewest"]


def one(manifests: list[dict[str, Any]], kind: str, name: str = "team") -> dict[str, Any]:
    """Give the manifest of a kind and name."""
    return next(each for each in manifests if each["kind"] == kind and each["metadata"]["name"] == name)


def variables(spec: dict[str, Any]) -> dict[str, str]:
    """Give what the container of a pod finds in its environment."""
    return {each["name"]: each["value"] for each in spec["containers"][0]["env"]}


def test_helm_finds_nothing_wrong(found: dict[str, Any]) -> None:
    """A strict lint, and the schemas of five versions of Kubernetes, say nothing of any case."""
    assert found["helm"].startswith("v4.")
    assert found["wrong"]["chart"] == []


def test_the_schema_refuses_what_must_not_be(found: dict[str, Any]) -> None:
    """Unknown keys, missing references and passwords in place of Secrets do not get past values.schema.json."""
    assert found["wrong"]["let through"] == []


@pytest.mark.parametrize("case", CASES)
def test_no_pod_can_do_more_than_it_needs(found: dict[str, Any], case: str) -> None:
    """Each pod is no root, writes only to its volumes, has no capability and no token of Kubernetes."""
    for name, spec in pods(found["manifests"][case]).items():
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in spec["containers"]:
            allowed = container["securityContext"]
            assert allowed["allowPrivilegeEscalation"] is False, name
            assert allowed["readOnlyRootFilesystem"] is True, name
            assert allowed["capabilities"] == {"drop": ["ALL"]}, name
            assert "resources" in container, name
            assert not container["image"].endswith(":latest"), name


@pytest.mark.parametrize("case", CASES)
def test_secrets_are_only_referred_to(found: dict[str, Any], case: str) -> None:
    """The chart makes no Secret, and what a pod is told of one is the file that it is mounted as."""
    assert [each for each in found["manifests"][case] if each["kind"] == "Secret"] == []
    for name, spec in pods(found["manifests"][case]).items():
        if name.endswith("-ready"):
            continue
        told = variables(spec)
        assert told["LOOPLINE_DATABASE"] == "file:/run/secrets/loopline/database", name
        mounted = {each["mountPath"]: each for each in spec["containers"][0]["volumeMounts"]}
        assert mounted["/run/secrets/loopline"]["readOnly"] is True
        sources = next(each for each in spec["volumes"] if each["name"] == "secrets")["projected"]["sources"]
        files = {item["path"] for source in sources for item in source["secret"]["items"]}
        named = {value.rpartition("/")[2] for value in told.values() if "/run/secrets/" in value}
        assert named <= files, name


def test_the_server_is_asked_whether_it_lives_and_can_work(found: dict[str, Any]) -> None:
    """Kubernetes restarts what does not answer, and sends requests only to what can answer them."""
    server = one(found["manifests"]["least"], "Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert server["livenessProbe"]["httpGet"]["path"] == "/health"
    assert server["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    assert server["args"][:2] == ["up", "--no-worker"]


def test_the_server_knows_its_names(found: dict[str, Any]) -> None:
    """The address is that of the ingress, and requests inside of the cluster are for a name that is known."""
    spec = pods(found["manifests"]["most"])["Deployment/team"]
    told = variables(spec)
    assert told["LOOPLINE_ADDRESS"] == "https://loopline.example.org"
    assert told["LOOPLINE_HOSTS"].split(",") == ["ml.example.org", "team", "team.ml.svc", "team.ml.svc.cluster.local"]
    assert told["LOOPLINE_PROXIES"] == "10.244.0.0/16,fd00::7"
    assert told["LOOPLINE_OIDC_ADMINS"] == "ann@example.org,ben@example.org"
    assert told["LOOPLINE_OIDC_CLIENT_SECRET"] == "file:/run/secrets/loopline/oidc"


def test_files_with_signing_secrets_lie_where_the_server_looks(found: dict[str, Any]) -> None:
    """The Secret that is named is mounted as the folder of LOOPLINE_WEBHOOK_SECRETS, at servers alone; there need be none."""
    for name, spec in pods(found["manifests"]["most"]).items():
        if name.endswith("-ready"):
            continue
        mounted = [
            each["mountPath"] for each in spec["containers"][0].get("volumeMounts", ()) if each["name"] == "webhooks"
        ]
        secrets = [each["secret"]["secretName"] for each in spec.get("volumes", ()) if each["name"] == "webhooks"]
        server = name == "Deployment/team"
        assert (mounted, secrets) == ((["/run/webhooks"], ["signing"]) if server else ([], [])), name
        assert variables(spec).get("LOOPLINE_WEBHOOK_SECRETS") == ("/run/webhooks" if server else None), name
    assert "LOOPLINE_WEBHOOK_SECRETS" not in variables(pods(found["manifests"]["least"])["Deployment/team"])


def test_each_queue_has_its_workers(found: dict[str, Any]) -> None:
    """A Deployment for each queue, which listens nowhere and lets nobody in."""
    manifests = found["manifests"]["most"]
    for queue in ("default", "gpu"):
        container = one(manifests, "Deployment", f"team-worker-{queue}")["spec"]["template"]["spec"]["containers"][0]
        assert container["args"] == ["worker", "--queue", queue]
        assert "ports" not in container
    assert one(manifests, "Deployment", "team-worker-asleep")["spec"]["replicas"] == 0
    assert one(manifests, "NetworkPolicy", "team-worker")["spec"]["ingress"] == []
    names = [each["metadata"]["name"] for each in found["manifests"]["fewest"] if each["kind"] == "Deployment"]
    assert names == ["team"]


def test_the_database_is_migrated_before_anything_starts(found: dict[str, Any]) -> None:
    """A Job that Helm waits for runs `loopline migrate`, and what it needs is there before the chart is."""
    job = one(found["manifests"]["least"], "Job", "team-migrate")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    spec = job["spec"]["template"]["spec"]
    assert spec["containers"][0]["args"] == ["migrate"]
    assert (spec["serviceAccountName"], spec["restartPolicy"]) == ("default", "Never")
    assert not [each for each in found["manifests"]["fewest"] if each["kind"] == "Job"]


@pytest.mark.parametrize("case", CASES)
def test_what_selects_finds_what_it_means(found: dict[str, Any], case: str) -> None:
    """Services, budgets and policies select pods that the chart makes, and no others of it."""
    made = [
        each["spec"]["template"]["metadata"]["labels"] for each in found["manifests"][case] if "template" in each.get("spec", {})
    ]  # fmt: skip
    for each in found["manifests"][case]:
        wanted = (
            each["spec"]["selector"] if each["kind"] == "Service"
            else each["spec"]["selector"]["matchLabels"] if each["kind"] == "PodDisruptionBudget"
            else each["spec"]["podSelector"]["matchLabels"] if each["kind"] == "NetworkPolicy"
            else None
        )  # fmt: skip
        if wanted is None:
            continue
        chosen = [labels for labels in made if wanted.items() <= labels.items()]
        assert chosen, each["metadata"]["name"]
        assert len({labels["app.kubernetes.io/component"] for labels in chosen}) == 1, each["metadata"]["name"]


def test_a_lone_server_may_be_moved(found: dict[str, Any]) -> None:
    """A budget that would keep a node from being emptied is not made for one replica."""
    assert not [each for each in found["manifests"]["fewest"] if each["kind"] == "PodDisruptionBudget"]
    assert one(found["manifests"]["most"], "PodDisruptionBudget")["spec"]["minAvailable"] == "50%"
