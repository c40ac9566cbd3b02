"""A trial of a sweep run again, and compared with the first run.

Others import ``reproduce_trial``; ``compare_runs`` finds what differs. This room uses ``run_trial``, and nothing else
in ``trial`` may import it.
"""
