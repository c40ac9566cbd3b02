"""Rate-distortion functions that need no iteration."""
