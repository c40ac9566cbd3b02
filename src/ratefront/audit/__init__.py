"""Coded files of any system, counted, and held against the oracle of the very samples that were decoded from them.

NumPy, SciPy and the bounds are all this needs: who checks a claim need not have what made it.
"""

from ratefront.audit.claim import Claim
from ratefront.audit.coded_files import CodedFile, coded_files, load_decisions
from ratefront.audit.verdict import Audit, audit

__all__ = ["Audit", "Claim", "CodedFile", "audit", "coded_files", "load_decisions"]
