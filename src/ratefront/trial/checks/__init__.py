"""Checks that let a trial fail: its data or code changed, or two computations of the same decisions disagree.

``run_trial`` calls each of them; only tests and the contract tests of codecs import from here besides. A check imports
``evaluate`` and what lies below it, and never ``run_trial``.
"""
