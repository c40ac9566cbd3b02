"""Commands that work in this process alone, without what sweeps need."""

from __future__ import annotations


def isolate() -> None:
    """Nothing that sweeps need is imported from now on."""
    from ratefront.trial.isolation import forbid_imports

    forbid_imports("ray", "mlflow", "optuna")
