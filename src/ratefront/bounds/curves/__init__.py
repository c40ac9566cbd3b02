"""One file for each curve of the theory: oracle, E&C, iE&C, S&C, TMRD, time sharing, and others.

Each file turns a prior, a joint p(y, y~) or posteriors into a `RateDistortionCurve`. `curve_recipes`, `statistics`
and `below_oracle` import from here. This room imports `solver`, `closed_form` and what lies below them; it must
not import `statistics`, `codes` or the collections of bounds.
"""
