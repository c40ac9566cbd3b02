"""Early stopping: from what running trials report at rungs to the trials that the search stops.

The engine imports ``trial_stopper.TrialStopper``, which remembers; ``front_rule`` decides, by functions of points
alone. Verdicts follow from the sweep file and the order of the ledger. Nothing here may import other parts of the
engine, except the seeds of the search.
"""
