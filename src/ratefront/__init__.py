"""Rate–accuracy Pareto fronts of task-oriented codecs, found by a distributed sweep and drawn against the bounds.

::

    import ratefront as rf

    spec = rf.load_spec("sweeps/digits.yaml", overrides={"trials": 8})
    sweep = rf.run(spec, "runs/a")
    sweep.front.to_dataframe()
    sweep.bounds["oracle"].rate_at(0.05)
    codec = sweep.trials["t0003"].load_codec()

The names in ``__all__`` are public. Each is imported when it is first used. Type checkers read
``__init__.pyi``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

#: Public name → the module that defines it.
_MODULE_OF_NAME = {
    "Front": "ratefront.api.trials",
    "InputError": "ratefront.errors",
    "LoadedSpec": "ratefront.spec.check_spec",
    "RatefrontError": "ratefront.errors",
    "StoredCodec": "ratefront.trial.stored_codec",
    "Sweep": "ratefront.api.sweeps",
    "Trial": "ratefront.api.trials",
    "Trials": "ratefront.api.trials",
    "audit_files": "ratefront.api.auditing",
    "doctor": "ratefront.api.examining",
    "first_sweep": "ratefront.api.sweep_files",
    "load_codec": "ratefront.api.codec_loading",
    "load_spec": "ratefront.spec.load_spec",
    "open": "ratefront.api.sweeps",
    "plan": "ratefront.api.sweep_files",
    "run": "ratefront.api.run_sweep",
    "run_trial": "ratefront.api.one_trial",
    "serve_ui": "ratefront.api.sweeps",
    "simulate_seed": "ratefront.api.simulate_sweep",
    "simulate_sweep": "ratefront.api.simulate_sweep",
    "write_schema": "ratefront.api.sweep_files",
}
_MODULES = ("bounds", "errors")

__all__ = [
    "Front",
    "InputError",
    "LoadedSpec",
    "RatefrontError",
    "StoredCodec",
    "Sweep",
    "Trial",
    "Trials",
    "audit_files",
    "bounds",
    "doctor",
    "errors",
    "first_sweep",
    "load_codec",
    "load_spec",
    "open",
    "plan",
    "run",
    "run_trial",
    "serve_ui",
    "simulate_seed",
    "simulate_sweep",
    "write_schema",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _MODULE_OF_NAME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF_NAME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
