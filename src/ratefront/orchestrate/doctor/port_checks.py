"""Judges the ports of nodes that other machines reach (see ``open_ports``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ratefront.orchestrate.cluster.each_node import NodeAnswer
from ratefront.orchestrate.doctor.hardware_checks import count_text
from ratefront.readiness import CheckLine, NodeFinding, grouped

_USUAL_PORTS = (5000, 6379, 8265, 10001, 52365)
_CLOSE = {
    "Ray": "who reaches them runs code as you: start Ray on every node with RAY_AUTH_MODE=token and one token "
    "(docs/cluster.md), or close them by a firewall",
    "MLflow": "start `mlflow server` with its app basic-auth, or on host 127.0.0.1",
}
_NO_FIGURES = (
    "start Ray on every node with RAY_enable_metrics_collection=0 AUTOSCALER_METRIC_PORT=-1 DASHBOARD_METRIC_PORT=-1, "
    "or close them by a firewall"
)


def ports(answers: Iterable[NodeAnswer]) -> list[CheckLine]:
    """Warn of ports of Ray's and MLflow's that other machines reach, and that ask for no token."""
    answers = list(answers)
    open_ = [found for answer in answers for found in _findings(answer)]
    exposed = {address for address, *_ in open_}
    closed = [answer.address for answer in answers if answer.address not in exposed]
    safe = [
        NodeFinding(address, "ok", "none of Ray or MLflow is open to other machines without a token")
        for address in closed
    ]
    return grouped("ports", [*safe, *open_])


def _findings(answer: NodeAnswer) -> Iterator[NodeFinding]:
    """Yield one finding for each program with open ports, and one for those that show figures alone."""
    without_token: dict[str, list[int]] = {}
    for port in answer.value:
        if not port["guarded"]:
            without_token.setdefault(port["program"], []).append(port["port"])
    for program, numbers in without_token.items():
        text = f"{program} listens on {_named(numbers)} without a token, open to other machines"
        yield NodeFinding(answer.address, "warning", text, _CLOSE[program])
    if showing := sum(port["figures"] for port in answer.value):
        counted = count_text(showing, "port")
        text = (
            f"Ray shows its figures on {counted} without a token, open to other machines: loads, names of tasks "
            "and nodes; no code can be run there"
        )
        yield NodeFinding(answer.address, "warning", text, _NO_FIGURES)


def _named(numbers: list[int]) -> str:
    """Name ports so that nodes with as many share a line: of Ray's, most are free ones, which differ among nodes."""
    if len(numbers) == 1:
        return f"port {numbers[0]}"
    usual = [str(number) for number in numbers if number in _USUAL_PORTS]
    return f"{len(numbers)} ports" + (f" ({', '.join(usual)} among them)" if usual else "")
