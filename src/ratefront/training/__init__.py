"""What every training here has, a task model's as a codec's: a state that can be put back, and checkpoints of it."""
