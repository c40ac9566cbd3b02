"""Audits: coded files of any system are counted and compared with the oracle of the samples decoded from them.

`audit` does it all; `coded_files` counts files, `load_decisions` reads the decoded classes, `Claim` is a published
figure to check. The API and the command line import from here. This room imports `bounds`, `bitstream` and
`errors`, and needs NumPy and SciPy alone, so that a claim can be checked without the system that made it.
"""

from ratefront.audit.claim import Claim
from ratefront.audit.coded_files import CodedFile, coded_files, load_decisions
from ratefront.audit.verdict import Audit, audit

__all__ = ["Audit", "Claim", "CodedFile", "audit", "coded_files", "load_decisions"]
