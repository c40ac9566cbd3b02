"""The decisions of a sweep: which trial comes next, which events follow from a worker's message, what is tried again.

Drivers import ``engine.Engine``, ``live_sweep.LiveSweep`` and the messages that they exchange with it. The engine does
no I/O: nothing here starts workers, reads files or draws. It must not import the store, trackers, Ray or torch.
"""
