"""Distortions of labels, outputs and features, on which codecs are trained and refined.

Codecs import ``distortions``, which is plain torch. It must not import codecs, refinement or task models.
"""
