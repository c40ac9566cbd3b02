"""Whether a trial fits on the machines that there are."""

from __future__ import annotations

from ratefront.spec.schema import SweepSpec


def check_capacity(spec: SweepSpec, cpus: float, gpus: float) -> list[str]:
    """One line for each resource of which a trial asks for more than there is (cores, GPUs)."""
    asked = (("cpus", spec.resources.cpus, cpus), ("gpus", spec.resources.gpus, gpus))
    return [
        f"resources.{name}: a trial may ask for at most the {there:g} that there are, got {needed:g}"
        for name, needed, there in asked
        if needed > there
    ]
