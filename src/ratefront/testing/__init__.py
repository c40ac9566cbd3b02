"""Test tools that ship with the package: for codecs that a user writes, and for the engine.

``codec_contract`` checks a codec family, ``stream_mutants`` damages its streams, ``faults`` disturbs simulated sweeps.
Users' tests import these modules by name; inside the package only ``ratefront.api`` may, and only ``faults``.
``codec_contract`` needs pytest: nothing that a command runs may import it.
"""
