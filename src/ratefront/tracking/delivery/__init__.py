"""Delivers a sweep's ledger to a tracker, and repeats what failed.

``follower`` runs in a thread, ``deliver`` holds what is delivered and in which order, without a clock. Others import
``follower``, and the simulator imports ``deliver``. This room knows trackers only by ``tracker_protocol``: it must not
import MLflow.
"""
