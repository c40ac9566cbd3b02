"""Codecs: the interface, the families, and a codec's files.

``codec_interface`` says what a codec, a learner and a family are, ``codec_files`` stores and loads a codec.
Others import these two; a family is found by its name in the catalogue. The families are ``label``, ``bottleneck``
(split and student), ``image`` and ``channel_simulation`` (sample), with ``entropy_models`` below them. Codecs import no
trial, no sweep and no tracker.
"""
