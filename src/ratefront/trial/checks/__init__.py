"""Checks that let a trial fail: its data or code changed, or two computations of the same decisions disagree.

``run_trial`` calls each of them. Otherwise only tests and the codec contract import from here. A check imports
``evaluate`` and what lies below it, and never ``run_trial``.
"""
