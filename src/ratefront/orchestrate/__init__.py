"""Ray: places trials on workers and runs a sweep from its first event to its last."""
