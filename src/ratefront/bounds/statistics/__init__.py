"""What finite samples allow one to say: held-out curves, intervals, calibration, warnings."""
