"""Rate–distortion functions in closed form: no iteration, exact to rounding.

`water_filling` solves any prior under Hamming distortion, `top_k_water_filling` solves it when the receiver names
k classes, and `equiprobable` handles K equally likely classes for huge K. The curves and the statistics import
from here. This room imports `source` only; it must not import curves or the iterative solver.
"""
