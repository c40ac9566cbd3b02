"""A trial: one configuration trained, coded to files, decoded by another process, and measured.

``run_trial`` runs a trial, ``reproduction`` runs one again, ``checks`` makes a trial fail if its parts disagree, and
``stored_codec`` codes a user's samples with a codec that a trial has left. Drivers, the library's API and tests import
from here. A trial is a pure function of its parameters and ``trial_context``: Ray, MLflow, Optuna, the engine and the
rooms that drive or track sweeps must not be imported here.
"""
