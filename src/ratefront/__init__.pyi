from ratefront import bounds, errors
from ratefront.api.auditing import audit_files
from ratefront.api.codec_loading import load_codec
from ratefront.api.examining import doctor
from ratefront.api.one_trial import run_trial
from ratefront.api.run_sweep import run
from ratefront.api.simulate_sweep import simulate_seed, simulate_sweep
from ratefront.api.sweep_files import first_sweep, plan, write_schema
from ratefront.api.sweeps import Sweep, open, serve_ui
from ratefront.api.trials import Front, Trial, Trials
from ratefront.errors import InputError, RatefrontError
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import load_spec
from ratefront.trial.stored_codec import StoredCodec

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
__version__: str
