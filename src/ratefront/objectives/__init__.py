"""Distortions of labels, outputs and features, on which codecs are trained and refined.

Codecs, task models and refinement import ``distortions``, which is plain torch. It must not import any of them.
"""
