"""The waterfall of a trial: its rate on test, in steps from the oracle to what was paid.

Others import ``trial_waterfall``; ``transmitter_probe`` says what the transmitter knows of the classes, and
``linear_probe`` trains one where the transmitter has no classifier of its own. This room uses ``stored_codec``, and
nothing else in ``trial`` may import it.
"""
