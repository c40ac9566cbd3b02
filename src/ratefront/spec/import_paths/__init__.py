"""The Python code that a sweep file names: metric functions and the modules of its targets.

``metric_functions`` imports the functions behind metrics. ``target_modules`` only names modules, so that their source
can be compared. Nothing here imports torch; a user's own metric may.
"""
