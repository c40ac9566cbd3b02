"""Commands that work in this process alone, without what sweeps need."""

from __future__ import annotations


def isolate() -> None:
    """Nothing that sweeps need is imported from now on; what torch has to say to its developers is not passed on."""
    import warnings

    from ratefront.trial.isolation import forbid_imports

    forbid_imports("ray", "mlflow", "optuna")
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.")
