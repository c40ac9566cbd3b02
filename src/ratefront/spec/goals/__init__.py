"""What a person wants of a sweep: constraints on its trials, and a target that the search serves alone.

The sweep file, the search, the views and the command line import from here. Both are pure: they know limits and values,
and nothing of ledgers or samplers. Nothing here may import ``sweep_spec``, which holds them.
"""
