"""Serves a sweep to a browser on this machine: MLflow's UI and the Optuna Dashboard.

``rf.open(...).study()`` and the commands ``ui`` and ``dashboard`` import it. It only reads: ledger, folder and store
stay as they are. No other part of tracking imports it.
"""
