"""What doctor says of nodes, by what they answer. The nodes are made up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.small_sweep import small_sweep_spec

from ratefront.orchestrate.cluster.each_node import NodeAnswer
from ratefront.orchestrate.doctor import hardware_checks, node_checks, port_checks
from ratefront.readiness import CheckLine
from ratefront.spec.sweep_spec import Resources, SweepSpec

HERE = {"Python": "3.11", "ratefront": "0.1.0 (code 12345678)", "torch": "2.6.0"}
GPU = {"name": "NVIDIA H200", "total_mib": 143_360.0, "used_mib": 4.0}
ROOM = {"place": "/shared", "free": 9 * 2**30, "total": 10 * 2**30, "writable": True}
STATE: Mapping[str, Any] = {
    "cores": 8,
    "gpus": None,
    "space": {"folder": ROOM},
    "open_secrets": [],
}


def answer(
    number: int = 1, value: Any = None, *, cpus: float = 8, gpus: float = 0, **more: Any
) -> NodeAnswer:
    resources = {"CPU": cpus, "GPU": gpus} if gpus else {"CPU": cpus}
    node = {"NodeID": str(number), "NodeManagerAddress": f"10.0.0.{number}", "Resources": resources}
    return NodeAnswer(node, value, **more)


def state(number: int = 1, *, cpus: float = 8, gpus: float = 0, **changes: Any) -> NodeAnswer:
    return answer(number, {**STATE, **changes}, cpus=cpus, gpus=gpus)


def levels(lines: list[CheckLine]) -> list[tuple[str, tuple[str, ...]]]:
    return [(line.level, line.nodes) for line in lines]


def sized(**resources: Any) -> SweepSpec:
    return small_sweep_spec().model_copy(update={"resources": Resources(**resources)})


def test_a_hundred_equal_nodes_share_a_line() -> None:
    answers = [answer(number, HERE) for number in range(100)]
    (line,) = node_checks.software(answers, HERE)
    assert (line.level, len(line.nodes)) == ("ok", 100)
    assert line.text == "Python 3.11, ratefront 0.1.0 (code 12345678), torch 2.6.0"


def test_other_software_is_an_error_that_names_both() -> None:
    other = HERE | {"torch": "2.5.1"}
    lines = node_checks.software([answer(1, HERE), answer(2, other), answer(3, other)], HERE)
    assert levels(lines) == [("ok", ("10.0.0.1",)), ("error", ("10.0.0.2", "10.0.0.3"))]
    assert lines[1].text == "torch 2.5.1, but here torch 2.6.0"
    assert "install the same" in lines[1].advice


def test_software_that_a_node_lacks_is_named() -> None:
    (line,) = node_checks.software([answer(1, HERE | {"ratefront": "not installed"})], HERE)
    assert line.text == "ratefront not installed, but here ratefront 0.1.0 (code 12345678)"


def test_a_silent_node_is_an_error() -> None:
    silent = answer(2, problem="no answer within 20 s")
    (line,) = node_checks.unanswered("nodes", [answer(1, HERE), silent])
    assert (line.level, line.nodes, line.text) == ("error", ("10.0.0.2",), "no answer within 20 s")


def test_hardware_names_cores_and_gpus_with_their_memory() -> None:
    lines = hardware_checks.hardware([state(1), state(2), _with_gpus(3, 2)])
    assert [line.text for line in lines] == ["8 cores", "8 cores, 2 GPUs (2 × NVIDIA H200 of 140.0 GiB)"]
    assert levels(lines) == [("ok", ("10.0.0.1", "10.0.0.2")), ("ok", ("10.0.0.3",))]


def _with_gpus(number: int, counted: float, *there: Mapping[str, Any], **changes: Any) -> NodeAnswer:
    value = {**STATE, "gpus": list(there) or [GPU] * int(counted), **changes}
    return answer(number, value, gpus=counted)


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (answer(1, {**STATE, "gpus": None}, gpus=1), "Ray counts 1 GPU, but nvidia-smi does not work"),
        (_with_gpus(1, 2, GPU), "Ray counts 2 GPUs, but nvidia-smi sees 1 GPU"),
        (_with_gpus(1, 1, GPU | {"used_mib": 71_680.0}), "GPU 0 has 70.0 of 140.0 GiB in use already"),
    ],
)
def test_gpus_that_trials_may_not_get_are_a_warning(node: NodeAnswer, said: str) -> None:
    _, warning = hardware_checks.hardware([node])
    assert (warning.level, warning.check, warning.text) == ("warning", "GPUs", said)
    assert warning.advice


TORCH = {"torch": "2.6.0", "cuda": "12.4", "count": 2, "problem": "", "is_known": True}
OLD_DRIVER = TORCH | {"count": 0, "problem": "The NVIDIA driver on your system is too old"}


@pytest.mark.parametrize(("are_needed", "level"), [(True, "error"), (False, "warning")])
@pytest.mark.parametrize(
    ("found", "said"),
    [
        (OLD_DRIVER, "torch 2.6.0 (for CUDA 12.4) cannot use the 2 GPUs that Ray counts: The NVIDIA driver"),
        (OLD_DRIVER | {"cuda": None}, "torch 2.6.0 (without CUDA) cannot use the 2 GPUs"),
        ({**OLD_DRIVER, "torch": "", "problem": "No module named 'torch'"}, "torch cannot use the 2 GPUs"),
    ],
)
def test_gpus_that_torch_cannot_use_fail_trials_that_ask_for_them(
    found: Mapping[str, Any], said: str, are_needed: bool, level: str
) -> None:
    answers = [answer(1, TORCH, gpus=2), answer(2, found, gpus=2)]
    good, bad = hardware_checks.torch_on_gpus(answers, are_needed=are_needed)
    assert levels([good, bad]) == [("ok", ("10.0.0.1",)), (level, ("10.0.0.2",))]
    assert good.text == "torch 2.6.0 (for CUDA 12.4) can use 2 GPUs"
    assert bad.text.startswith(said)
    assert "driver" in bad.advice


def test_a_torch_that_does_not_answer_in_time_is_a_warning() -> None:
    silent = OLD_DRIVER | {"problem": "no answer within 20 s", "is_known": False}
    (line,) = hardware_checks.torch_on_gpus([answer(1, silent, gpus=2)], are_needed=True)
    assert (line.level, line.text) == (
        "warning",
        "it is not known whether torch can use a GPU: no answer within 20 s",
    )


@pytest.mark.parametrize(
    ("cpus", "may_grow", "level"), [(0, True, "ok"), (0, False, "error"), (8, False, "ok"), (8, True, "ok")]
)
def test_a_cluster_that_grows_needs_no_worker_yet(cpus: float, may_grow: bool, level: str) -> None:
    nodes = [answer(1, cpus=cpus).node]
    line = hardware_checks.cluster("10.0.0.1:6379", nodes, may_grow=may_grow)
    assert (line.level, line.text) == (level, f"10.0.0.1:6379 with 1 node, {int(cpus > 0)} with cores")
    assert bool(line.advice) is (level == "error"), "there is nothing to do where nothing is wrong"


def test_gpus_whose_memory_is_not_told_are_no_problem() -> None:
    (line,) = hardware_checks.hardware([_with_gpus(1, 1, GPU | {"total_mib": None, "used_mib": None})])
    assert line.text == "8 cores, 1 GPU (1 × NVIDIA H200)"


def test_room_for_trials_and_their_share_of_memory() -> None:
    answers = [_with_gpus(1, 2)]
    nodes = [each.node for each in answers]
    line = node_checks.resources(sized(gpus=0.25, concurrent=99), nodes, answers, may_grow=False)
    assert line.level == "ok"
    assert line.text == (
        "room for 8 trials at a time; resources.concurrent allows 99; a trial gets at least 35.0 GiB of a GPU's memory"
    )


@pytest.mark.parametrize(("may_grow", "level"), [(False, "error"), (True, "warning")])
def test_more_than_a_node_has_is_an_error(may_grow: bool, level: str) -> None:
    answers = [state(1, cpus=2), state(2, cpus=2)]
    nodes = [each.node for each in answers]
    line = node_checks.resources(sized(cpus=3.0), nodes, answers, may_grow=may_grow)
    assert (line.level, line.check) == (level, "resources")
    assert "asks for 3 cores where there are 2" in line.text
    assert "add a node" in line.advice


def spaces(number: int = 1, name: str = "folder", **changes: Any) -> NodeAnswer:
    return state(number, space={name: {**ROOM, **changes}})


def test_nodes_with_enough_space_say_the_least() -> None:
    (line,) = node_checks.space([spaces(1), spaces(2, free=3 * 2**30)])
    assert line.text == "the sweep's folder /shared: at least 3.0 GiB free"
    assert levels([line]) == [("ok", ("10.0.0.1", "10.0.0.2"))]


@pytest.mark.parametrize(
    ("node", "level", "said"),
    [
        (spaces(free=2**29), "warning", "the sweep's folder /shared has 512 MiB free"),
        (spaces(free=2**20), "error", "the sweep's folder /shared has 1 MiB free"),
        (spaces(writable=False), "error", "the sweep's folder /shared cannot be written"),
        (spaces(name="ray", free=2**31, total=2**36), "warning", "over 95% full"),
        (
            spaces(name="shared memory", free=2**26),
            "warning",
            "has 64 MiB free, and Ray's object store takes 128",
        ),
    ],
)
def test_too_little_space_is_said(node: NodeAnswer, level: str, said: str) -> None:
    (line,) = node_checks.space([node])
    assert line.level == level
    assert said in line.text
    assert line.advice


def test_nodes_with_enough_space_are_not_among_those_without() -> None:
    lines = node_checks.space([spaces(1), spaces(2, free=0), spaces(3)])
    assert levels(lines) == [("ok", ("10.0.0.1", "10.0.0.3")), ("error", ("10.0.0.2",))]


def clock(number: int, offset_s: float, round_trip_s: float) -> NodeAnswer:
    """An answer from a node whose clock is ahead: read in the middle of the round trip."""
    value = 1000.0 + round_trip_s / 2 + offset_s
    return answer(number, value, asked_at=1000.0, answered_at=1000.0 + round_trip_s)


def test_clocks_that_agree_share_a_line() -> None:
    (line,) = node_checks.clocks([[clock(1, 0.001, 0.002), clock(2, -0.5, 0.002)]])
    assert (line.level, line.nodes, line.text) == (
        "ok",
        ("10.0.0.1", "10.0.0.2"),
        "at most 0.5 s off this one",
    )


@pytest.mark.parametrize(
    ("offset_s", "said"), [(90.0, "90 ± 0.01 s ahead of"), (-90.0, "90 ± 0.01 s behind")]
)
def test_a_clock_that_is_wrong_is_a_warning(offset_s: float, said: str) -> None:
    good, bad = node_checks.clocks([[clock(1, 0.0, 0.01), clock(2, offset_s, 0.02)]])
    assert (good.nodes, bad.nodes, bad.level) == (("10.0.0.1",), ("10.0.0.2",), "warning")
    assert said in bad.text
    assert "time service" in bad.advice


def test_a_slow_answer_accuses_no_clock() -> None:
    """Within the error of the round trip the clock may be right."""
    assert [line.level for line in node_checks.clocks([[clock(1, 3.0, 8.0)]])] == ["ok"]
    assert [line.level for line in node_checks.clocks([[clock(1, 3.0, 1.0)]])] == ["warning"]


def test_the_fastest_answer_of_a_node_counts() -> None:
    slow, fast, silent = clock(1, 3.0, 8.0), clock(1, 3.0, 0.01), answer(1, problem="no answer within 8 s")
    for order in ([slow, fast, silent], [silent, fast, slow]):
        (line,) = node_checks.clocks([[each] for each in order])
        assert line.level == "warning"


def port(program: str, number: int, *, guarded: bool = False, figures: bool = False) -> dict[str, Any]:
    return {"program": program, "port": number, "guarded": guarded, "figures": figures}


def test_ports_that_ask_for_a_token_are_no_warning() -> None:
    (line,) = port_checks.ports([answer(1, [port("Ray", 6379, guarded=True)]), answer(2, [])])
    assert levels([line]) == [("ok", ("10.0.0.1", "10.0.0.2"))]


def test_ports_open_to_the_world_are_a_warning_with_a_way_out() -> None:
    open_ = [port("Ray", 6379), port("Ray", 41_000), port("MLflow", 5000)]
    safe, *warnings = port_checks.ports([answer(1, open_), answer(2, [])])
    assert levels([safe]) == [("ok", ("10.0.0.2",))]
    ray, mlflow = sorted(warnings, key=lambda line: line.text, reverse=True)
    assert "Ray listens on 2 ports (6379 among them) without a token, open to other machines" in ray.text
    assert "RAY_AUTH_MODE=token" in ray.advice
    assert "MLflow listens on port 5000 without a token" in mlflow.text
    assert "basic-auth" in mlflow.advice
    assert {line.level for line in warnings} == {"warning"}


def test_ports_that_show_figures_alone_are_told_apart() -> None:
    closed = port("Ray", 6379, guarded=True)
    showing = [port("Ray", 40_000 + number, guarded=True, figures=True) for number in range(3)]
    answers = [answer(number, [closed, showing[number]]) for number in (1, 2)]
    safe, warning = port_checks.ports([*answers, answer(3, [closed])])
    assert levels([safe, warning]) == [("ok", ("10.0.0.3",)), ("warning", ("10.0.0.1", "10.0.0.2"))]
    assert warning.text.startswith("Ray shows its figures on 1 port without a token, open to other machines")
    assert "no code can be run" in warning.text
    for variable in (
        "RAY_enable_metrics_collection=0",
        "AUTOSCALER_METRIC_PORT=-1",
        "DASHBOARD_METRIC_PORT=-1",
    ):
        assert variable in warning.advice


def test_open_ports_of_many_nodes_share_a_line() -> None:
    """Most of Ray's ports are free ones, which differ from node to node."""
    answers = [
        answer(number, [port("Ray", 40_000 + number), port("Ray", 50_000 + number)]) for number in range(9)
    ]
    (line,) = port_checks.ports(answers)
    assert len(line.nodes) == 9


def test_a_token_that_others_can_read_is_a_warning() -> None:
    (line,) = node_checks.secrets([state(1, open_secrets=["/home/ann/.ray/auth_token"]), state(2)])
    assert levels([line]) == [("warning", ("10.0.0.1",))]
    assert line.advice.startswith("chmod 600 /home/ann/.ray/auth_token")


def looked(text: str, content: str = "", *, is_usable: bool = True) -> list[tuple[str, bool, str, str]]:
    return [("data", is_usable, text, content)]


def test_data_that_a_node_lacks_are_an_error() -> None:
    lines = node_checks.inputs(
        [answer(1, looked("here", "a")), answer(2, looked("no such file", is_usable=False))]
    )
    assert levels(lines) == [("ok", ("10.0.0.1",)), ("error", ("10.0.0.2",))]
    assert "same path" in lines[1].advice


def test_nodes_with_other_data_than_most_are_an_error() -> None:
    there = [
        answer(1, looked("8 samples", "8")),
        *(answer(number, looked("9 samples", "9")) for number in (2, 3)),
    ]
    lines = node_checks.inputs(there)
    assert levels(lines) == [("ok", ("10.0.0.2", "10.0.0.3")), ("error", ("10.0.0.1",))]
    assert lines[1].text == "not the same as on most nodes: 8 samples"


def test_the_same_data_at_several_places_are_no_error() -> None:
    lines = node_checks.inputs(
        [answer(1, looked("in /a", "mnist")), answer(2, looked("from a host", "mnist"))]
    )
    assert [line.level for line in lines] == ["ok", "ok"]
