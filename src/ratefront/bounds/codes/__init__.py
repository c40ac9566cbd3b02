"""Real codes over the task model's decisions, with their actual bits."""
