"""What a finite number of samples allows one to say.

`channel_fits`, `channels` and `held_out` measure curves on samples that they were not fitted on; `bootstrap` and
`held_out_intervals` add intervals; `calibration` and `reliability` judge the posteriors; `few_samples` and
`order_violation` find reasons for a warning. `curve_recipes`, `curve_warnings` and `prediction_bounds` import from
here. This room must not import them, nor `codes`.
"""
