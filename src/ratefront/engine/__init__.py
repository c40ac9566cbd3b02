"""The state machine of a sweep: what to try, whom to stop, when to try again, when to end."""
