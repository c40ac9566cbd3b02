"""How many trials fit on which nodes, and what is refused because it fits on none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import ray

from ratefront.errors import InputError
from ratefront.orchestrate.cluster import slots
from ratefront.orchestrate.tune.tune_driver import resources_of

TWO = {"label": (7,), "split": (8,)}


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Say which nodes there are, as (cores, GPUs)."""

    def there_are(*sizes: tuple[float, float]) -> None:
        alive = [_node(cpus, gpus) for cpus, gpus in sizes]
        lost = _node(99.0, 99.0) | {"Alive": False}
        monkeypatch.setattr(ray, "nodes", lambda: [*alive, lost])

    return there_are


def _node(cpus: float, gpus: float) -> dict[str, Any]:
    return {"Alive": True, "NodeManagerAddress": "10.0.0.1", "Resources": {"CPU": cpus, "GPU": gpus}}


@pytest.mark.parametrize(
    ("sizes", "resources", "expected"),
    [
        ([(8, 0)], {"concurrent": 4}, 4),
        ([(8, 0)], {"concurrent": 40}, 8),
        ([(3, 0), (5, 0)], {"cpus": 2.0, "concurrent": 9}, 3),
        ([(4, 0)], {"cpus": 1 / 3, "concurrent": 99}, 12),
        ([(16, 2)], {"gpus": 0.5, "concurrent": 9}, 4),
        ([(16, 2)], {"gpus": 0.3, "concurrent": 9}, 6),
        ([(16, 2)], {"gpus": 1 / 49, "cpus": 0.1, "concurrent": 200}, 98),
        ([(2, 2)], {"gpus": 0.5, "concurrent": 9}, 2),
        ([(16, 5)], {"gpus": 1.0, "concurrent": 9}, 5),
        ([(16, 1)], {"gpus": 0.15, "concurrent": 9}, 6),
        ([(16, 2), (16, 1)], {"gpus": 0.15, "concurrent": 99}, 18),
        ([(16, 1)], {"trials_per_gpu": 3, "concurrent": 9}, 3),
        ([(16, 1)], {"trials_per_gpu": "auto", "concurrent": 9}, 9),
        ([(4, 1), (16, 0)], {"trials_per_gpu": "auto", "concurrent": 9}, 4),
    ],
)
def test_slots_are_what_the_nodes_hold(
    fake: SimpleNamespace, nodes: Any, sizes: Any, resources: Any, expected: int
) -> None:
    nodes(*sizes)
    assert slots.count_slots(fake.loaded(2, **resources).spec) == expected


def test_the_family_with_the_least_needs_gives_the_slots(fake: SimpleNamespace, nodes: Any) -> None:
    nodes((8, 0))
    needs = {"label": {"cpus": 4.0}}
    assert slots.count_slots(fake.loaded(2, families=TWO, concurrent=9, families_need=needs).spec) == 8


@pytest.mark.parametrize(
    ("resources", "problem"),
    [
        (
            {"cpus": 9.0},
            "resources.cpus: asks for 9 cores where there are 8 (for label, split, the task model)",
        ),
        (
            {"families_need": {"split": {"cpus": 9.0}}},
            "resources.families.split.cpus: asks for 9 cores where there are 8 (for split)",
        ),
        (
            {"families_need": {"label": {"gpus": 1.0}}, "cpus": 5.0},
            "resources: no node has 5 cores and 1 GPUs together, as label asks for",
        ),
        (
            {"cpus": 8.0, "families_need": {"label": {"gpus": 0.5}}},
            "resources: no node has 8 cores and 0.5 GPUs together, as label asks for",
        ),
    ],
)
def test_needs_that_fit_no_node_name_family_and_setting(
    fake: SimpleNamespace, nodes: Any, resources: Any, problem: str
) -> None:
    nodes((8, 0), (4, 1))
    with pytest.raises(InputError) as caught:
        slots.check_capacity_of_nodes(fake.loaded(2, families=TWO, **resources).spec)
    assert str(caught.value).splitlines()[0] == problem


def test_a_missing_gpu_is_named(fake: SimpleNamespace, nodes: Any) -> None:
    nodes((8, 0))
    with pytest.raises(
        InputError, match=r"resources\.trials_per_gpu: asks for 1 GPUs where there are 0 \(for label\)"
    ):
        slots.check_capacity_of_nodes(fake.loaded(2, trials_per_gpu="auto").spec)


def test_the_task_models_cores_are_checked_too(fake: SimpleNamespace, nodes: Any) -> None:
    nodes((8, 0))
    loaded = fake.loaded(2, (7,), cpus=9.0, families_need={"label": {"cpus": 1.0}}).spec
    with pytest.raises(InputError, match=r"resources\.cpus.*\(for the task model\)"):
        slots.check_capacity_of_nodes(loaded)


@pytest.mark.parametrize("parts", [1, 2, 3, 6, 7, 11, 49])
def test_the_parts_of_a_gpu_add_up_to_at_most_one(parts: int) -> None:
    (bundle,) = resources_of({"cpus": 1.0, "gpus": 1 / parts}).bundles
    in_ray = round(bundle["GPU"] * 10_000)
    assert in_ray * parts <= 10_000 < in_ray * (parts + 1)
    assert bundle["CPU"] == 1.0
