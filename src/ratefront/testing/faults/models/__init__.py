"""Parts of the reference model: each follows a ledger and says what is wrong in it, by simpler means than the engine.

``reference_model`` asks them. They share events with ``engine`` and ``history``, and no other code, so that a mistake
there is not repeated here. Nothing here may import the room above.
"""
