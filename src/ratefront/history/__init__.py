"""The events of a sweep, and the state of the sweep that follows from them.

Others import the events (``events``) and ``sweep_history.SweepHistory``, which answers which trials exist and how they
ended. Nothing here reads or writes files; the ledger's file is in ``store.ledger``. The engine, the store and trackers
must not be imported here.
"""
