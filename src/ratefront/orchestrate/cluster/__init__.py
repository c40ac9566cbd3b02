"""Ray as a cluster: connecting to it, silencing it, counting its slots, ending it with its driver.

``sweep_driver`` imports ``ray_logging``, and ``ray_cluster`` and ``slots`` when a sweep needs a cluster.
``driver_watchdog`` also runs as a script without the package: it must import the standard library only.
Nothing of Ray Tune belongs here.
"""
