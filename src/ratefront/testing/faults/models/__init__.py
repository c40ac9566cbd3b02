"""Simple second models of what the engine decides, for the invariants.

``reference_model`` asks them. They share no code with ``engine`` and ``history``, so that a mistake there is not
repeated here. Nothing here may import the room above.
"""
