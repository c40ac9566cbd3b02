"""Test tools: the contract of a codec family, damaged streams, and sweeps with injected faults.

Import ``codec_contract`` in the tests of a family of your own and inherit its classes; it needs pytest.
``damaged_streams`` damages a codec's streams, ``uncounted_state`` finds what ``transmitter_bytes`` misses. ``faults``
runs simulated sweeps under faults; the library's ``simulate_sweep`` imports it, and nothing else imports this room.
"""
