"""The sweep file: it is read, checked against the catalogue, resolved and explained; nothing is started.

Other rooms import ``load_spec``, ``sweep_spec`` (the checked values), ``space`` (the search space as neutral
dimensions) and ``views`` (the plan, the JSON schema). This room imports no torch, no Ray and no Optuna. It
does not know the sweep's folder: ``store`` imports ``spec``, never the other way.
"""
