"""The parts of a sweep that virtual time replaces: clock, cluster, workers, driver, follower and the ledger's disk.

They meet in ``simulate.simulation``. Each part asks ``IdealConditions`` what disturbs it, and tells
``SimulationObserver`` what it did: the fault rig puts its own in their place. This room must import nothing of
``simulate`` but ``problems``.
"""
