"""The search space of a sweep file: read from its text into dimensions, counted, and checked.

Other rooms import ``dimensions`` and ``configurations``. ``parse_space`` belongs to the check of the sweep file. The
space knows nothing of Optuna: ``optuna_space`` translates it.
"""
