"""The ledger of a sweep: its format, the file and its lock, reading it, and stopping a sweep or a trial from outside.

Drivers import ``ledger_file.Ledger``; readers import ``read_ledger``; ``ratefront stop`` imports
``stop_from_outside``. What the events mean is in ``ratefront.history``. Views of the ledger must not be
imported here.
"""
