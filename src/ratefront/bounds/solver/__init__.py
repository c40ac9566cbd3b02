"""Blahut–Arimoto with certificates.

`blahut_arimoto` solves one slope, `solved_curve` a whole curve, and `curve_tracing` chooses the slopes. `kernels`,
`block_distortion` and `sample_distortion` are the distortion measures as operators. The curves and the statistics
import from here. This room imports `source` only.
"""
