"""A sweep's folder: its files, its ledger, and the tables and summaries that follow from the ledger.

Others import ``sweep_folder.SweepFolder``, the ledger (``ledger``), the views (``views``) and the helpers for whole
files (``files``). Nothing here runs trials or draws. The engine, the report, trackers, torch and Ray must not be
imported here.
"""
