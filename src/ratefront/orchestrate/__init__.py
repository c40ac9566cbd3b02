"""Runs a sweep on Ray, from its first event to its last, and sends an existing sweep to a tracker.

``ratefront.api`` imports ``run_sweep``, ``track_existing_sweep`` and ``environment_changes``. ``sweep_driver`` is the
entry. Only this room imports Ray, and only where a cluster is needed: importing ``sweep_driver`` loads neither Ray nor
torch nor MLflow. The engine decides what runs, so no decision about trials belongs here.
"""
