"""Ray Tune: it places the engine's trials on workers and passes on what they report.

``sweep_driver`` imports ``run_trials`` and ``WorkerSetting``. ``trial_worker`` runs in the workers, all other files in
the driver. ``lost_workers`` handles dead workers. The trial itself knows nothing of Ray. Torch is not imported here.
"""
