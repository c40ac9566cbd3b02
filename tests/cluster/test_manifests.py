"""The manifests for Kubernetes against the schemas of Kubernetes and KubeRay, and against what they promise."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from tests.cluster.launch_files import (
    KUBERAY,
    MLFLOW,
    ROOT,
    Plain,
    compose,
    documents,
    manifests,
    of_kind,
    pod_templates,
    settings,
)

KUBERNETES = "1.32"  # of the schemas; what the manifests use has been there since 1.25
RAY_KINDS = ("RayCluster", "RayJob")
READ_ONCE = "MLFLOW_AUTH_ADMIN_PASSWORD"  # at the server's first start, which refuses an empty one

pytestmark = pytest.mark.medium


def closed(schema: Any) -> Any:
    """The schema with every object that lists its fields closed to others."""
    if isinstance(schema, list):
        return [closed(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    return {**inner, "additionalProperties": False} if "properties" in inner else inner


SCHEMA = yaml.safe_load((ROOT / "tests" / "cluster" / "kuberay_schema.yaml").read_text())


def check(manifest: Plain) -> None:
    """As ``kubectl apply --validate=strict`` would: no unknown field, no missing one, each of its type."""
    if manifest["kind"] in RAY_KINDS:
        Draft202012Validator(closed(SCHEMA[manifest["kind"]])).validate(manifest)
        for template in templates_of_ray(manifest):
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {}, **template}
            kubernetes_validate.validate(pod, KUBERNETES, strict=True)
    else:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def templates_of_ray(manifest: Plain) -> Iterator[Plain]:
    """The templates of the head, of each group of workers, and of the pod that submits a job."""
    spec = manifest["spec"]
    cluster = spec["rayClusterSpec"] if manifest["kind"] == "RayJob" else spec
    yield cluster["headGroupSpec"]["template"]
    for group in cluster["workerGroupSpecs"]:
        yield group["template"]
    if manifest["kind"] == "RayJob":
        yield spec["submitterPodTemplate"]


def name_of(manifest: Plain) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


@pytest.mark.parametrize("manifest", manifests(), ids=name_of)
def test_a_manifest_fits_its_schema(manifest: Plain) -> None:
    check(manifest)


def mistakes() -> Iterator[tuple[str, list[Any], object]]:
    """Places in the RayJob, and what is put there."""
    cluster: list[Any] = ["spec", "rayClusterSpec"]
    yield "unknown field", ["spec", "shutdownAfterJobFinish"], True
    yield "wrong type", ["spec", "ttlSecondsAfterFinished"], "300"
    yield "unknown mode", [*cluster, "authOptions", "mode"], "Token"
    yield "number for a string", [*cluster, "headGroupSpec", "rayStartParams", "num-cpus"], 0
    yield "no group name", [*cluster, "workerGroupSpecs", 0, "groupName"], None
    pod = [*cluster, "headGroupSpec", "template", "spec"]
    yield "field of a container", [*pod, "containers", 0, "volumeMount"], []
    yield "type in a container", [*pod, "containers", 0, "env", 0, "value"], 1
    yield "field of a pod", [*pod, "securityContexts"], {}
    for place in (["headGroupSpec"], ["workerGroupSpecs", 1]):
        yield f"nothing in the {place[0]}", [*cluster, *place, "template"], {}
        yield f"a pod of nothing in the {place[0]}", [*cluster, *place, "template", "spec"], {}
    yield "nothing in the submitter", ["spec", "submitterPodTemplate"], {}


@pytest.mark.parametrize("place", [case[1:] for case in mistakes()], ids=[case[0] for case in mistakes()])
def test_a_mistake_is_found(place: tuple[list[Any], object]) -> None:
    (*path, last), value = place
    job = copy.deepcopy(of_kind("RayJob", "digits"))
    inside: Any = job
    for key in path:
        inside = inside[key]
    if value is None:
        del inside[last]
    else:
        inside[last] = value
    with pytest.raises((ValidationError, kubernetes_validate.ValidationError)):
        check(job)


def test_job_and_cluster_are_the_same_cluster() -> None:
    cluster, job = of_kind("RayCluster", "ratefront"), of_kind("RayJob", "digits")
    assert job["spec"]["rayClusterSpec"] == cluster["spec"]
    assert job["spec"]["shutdownAfterJobFinishes"]
    assert job["spec"]["ttlSecondsAfterFinished"] <= 600


def test_ray_asks_for_a_token_and_scales_gpus_from_none() -> None:
    spec = of_kind("RayCluster", "ratefront")["spec"]
    assert spec["authOptions"] == {"mode": "token"}
    assert spec["enableInTreeAutoscaling"]
    assert spec["headGroupSpec"]["serviceType"] == "ClusterIP"
    assert not spec["headGroupSpec"].get("enableIngress")
    groups = {group["groupName"]: group for group in spec["workerGroupSpecs"]}
    assert {name: (group["minReplicas"], group["replicas"]) for name, group in groups.items()} == {
        "cpu": (0, 0),
        "gpu": (0, 0),
    }
    assert groups["gpu"]["maxReplicas"] > 1
    (worker,) = groups["gpu"]["template"]["spec"]["containers"]
    assert worker["resources"]["limits"]["nvidia.com/gpu"] == "1"


def test_the_version_of_ray_is_that_of_the_lock() -> None:
    locked = (ROOT / "requirements.lock").read_text().split()
    assert f"ray=={of_kind('RayCluster', 'ratefront')['spec']['rayVersion']}" in locked


def containers() -> list[tuple[str, Plain, Plain]]:
    """Name, pod and container of each container of each manifest."""
    return [
        (f"{name_of(manifest)} {container['name']}", template["spec"], container)
        for manifest in manifests()
        for template in pod_templates(manifest)
        for container in template["spec"]["containers"]
    ]


CONTAINERS = [case[1:] for case in containers()]
CONTAINER_NAMES = [case[0] for case in containers()]


@pytest.mark.parametrize(("pod", "container"), CONTAINERS, ids=CONTAINER_NAMES)
def test_a_container_is_confined_and_bounded(pod: Plain, container: Plain) -> None:
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert {"cpu", "memory"} <= set(container["resources"]["limits"])
    tag = container["image"].rpartition(":")[2]
    assert tag[0].isdigit(), f"{container['image']} is not pinned"
    # The autoscaler in the head's pod talks to Kubernetes; no other pod does.
    assert container["name"] == "ray-head" or pod["automountServiceAccountToken"] is False
    assert container["name"] == "submitter" or {"readinessProbe", "livenessProbe"} <= set(container)


def secret_references(found: object) -> Iterator[tuple[str, str | None]]:
    """Name and key of each secret that is referred to; without a key, all of it."""
    if isinstance(found, dict):
        if reference := found.get("secretKeyRef"):
            yield reference["name"], reference["key"]
        if reference := found.get("secretRef"):
            yield reference["name"], None
        for value in found.values():
            yield from secret_references(value)
    elif isinstance(found, list):
        for value in found:
            yield from secret_references(value)


def test_manifests_refer_to_secrets_that_the_headers_make() -> None:
    example = settings((MLFLOW / "server.env.example").read_text())
    used = set(itertools.chain.from_iterable(secret_references(one) for one in manifests()))
    assert {name for name, _ in used} == {"mlflow-server", "mlflow-user"}
    assert {key for name, key in used if name == "mlflow-server" and key} <= set(example)
    for name in ("mlflow-server", "mlflow-user"):
        assert any(
            f"kubectl create secret generic {name} --from-env-file=" in path.read_text()
            for path in KUBERAY.glob("*.yaml")
        )


def is_secret(name: str) -> bool:
    return any(word in name for word in ("PASSWORD", "SECRET", "TOKEN", "ACCESS_KEY"))


def test_no_launch_file_holds_a_secret() -> None:
    assert {one["kind"] for one in manifests()}.isdisjoint({"Secret"})
    for _, _, container in containers():
        for variable in container.get("env", ()):
            assert not (is_secret(variable["name"]) and "value" in variable), variable
    example = settings((MLFLOW / "server.env.example").read_text())
    assert {name for name, value in example.items() if value} == {"AWS_ACCESS_KEY_ID"}  # a user's name
    for service in compose()["services"].values():
        for name, value in service["environment"].items():
            if name == READ_ONCE:  # no command of compose may ask for what is not in the file any more
                assert value == f"${{{name}-}}"
            elif is_secret(name):
                assert value.startswith("${"), name
                assert ":?" in value, f"{name} may be empty"


def test_volumes_and_settings_of_pods_are_made_somewhere() -> None:
    claims = {one["metadata"]["name"] for one in manifests() if one["kind"] == "PersistentVolumeClaim"}
    headers = "".join(path.read_text() for path in KUBERAY.glob("*.yaml"))
    for template in itertools.chain.from_iterable(pod_templates(one) for one in manifests()):
        volumes = {volume["name"]: volume for volume in template["spec"].get("volumes", ())}
        for volume in volumes.values():
            if claim := volume.get("persistentVolumeClaim"):
                assert claim["claimName"] in claims
            if config := volume.get("configMap"):
                assert f"kubectl create configmap {config['name']} --from-file=" in headers
        for container in template["spec"]["containers"]:
            mounted = {mount["name"] for mount in container.get("volumeMounts", ())}
            assert mounted <= {*volumes, "data"}  # data: of a stateful set's own claims


def test_services_find_their_pods_and_policies_their_peers() -> None:
    labels = [
        template["metadata"]["labels"]
        for manifest in manifests()
        for template in pod_templates(manifest)
        if "labels" in template.get("metadata", {})
    ]
    by_kuberay = {"ray.io/is-ray-node": "yes"}  # KubeRay labels its pods
    for manifest in manifests():
        if manifest["kind"] == "Service":
            assert manifest["spec"]["selector"] in labels
        if manifest["kind"] == "NetworkPolicy":
            for rule in manifest["spec"]["ingress"]:
                for peer in rule["from"]:
                    if "namespaceSelector" not in peer:
                        assert peer["podSelector"]["matchLabels"] in [*labels, by_kuberay]


def test_no_port_is_open_outside_of_the_cluster() -> None:
    for manifest in manifests():
        assert manifest["kind"] != "Ingress"
        if manifest["kind"] == "Service":
            assert manifest["spec"].get("type", "ClusterIP") == "ClusterIP"
    guarded = [one["spec"]["podSelector"] for one in manifests() if one["kind"] == "NetworkPolicy"]
    assert {"matchLabels": {"ray.io/is-ray-node": "yes"}} in guarded
    (store,) = of_kind("StatefulSet", "mlflow-store")["spec"]["template"]["spec"]["containers"]
    assert "-ip.bind=127.0.0.1" in store["args"]  # all but S3, which asks for the keys


def test_each_launch_file_says_what_it_needs_and_costs() -> None:
    files = [
        *KUBERAY.glob("*.yaml"),
        *(ROOT / "cluster" / "ray").glob("*.yaml"),
        MLFLOW / "compose.yaml",
        MLFLOW / "mlflow.service",
        ROOT / "cluster" / "Dockerfile",
    ]
    assert len(files) == 10
    for path in files:
        lines = list(itertools.takewhile(lambda line: line.startswith("#"), path.read_text().splitlines()))
        for part in ("Needs", "Command", "Cost"):
            assert any(line.startswith(f"# {part} ") for line in lines), f"{path.name} has no {part}"


def test_documents_have_names_of_their_own() -> None:
    names = [name_of(one) for path in KUBERAY.glob("*.yaml") for one in documents(path)]
    assert len(set(names)) == len(names)
