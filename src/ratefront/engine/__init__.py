"""The decisions of a sweep: which trial comes next, what a worker's news amounts to, what is tried again.

Drivers import ``engine.Engine``, ``live_sweep.LiveSweep`` and the messages that they exchange with it. The engine does
no I/O: nothing here starts workers, reads files or draws. It must not import the store, trackers, Ray or torch.
"""
