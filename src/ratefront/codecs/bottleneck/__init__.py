"""Learned bottlenecks in a task model: g_a, entropy model and g_s, and the families ``split`` and ``student`` on them.

``image`` imports the bottleneck, its codec, its learner, ``learner_data`` and ``feature_transforms``; a family of
your own may, too. Nothing here imports the other families.
"""
