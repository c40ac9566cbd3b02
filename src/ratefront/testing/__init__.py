"""Test tools for packages that extend ratefront: the contract of a codec family, and damaged streams.

Import ``codec_contract`` in the tests of your family and inherit its classes. ``stream_mutants`` damages a codec's
streams, ``uncounted_state`` finds what ``transmitter_bytes`` misses. Nothing else in ratefront imports this room, and
it needs pytest.
"""
