"""The sources of the papers' figures."""
