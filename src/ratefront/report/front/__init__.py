"""The figure of a sweep: its description, and how matplotlib draws it.

``describe_front`` decides what the figure shows; ``front_png`` and ``front_plot`` draw it as a file and into axes of
the user. The page and the bounds figures import descriptions, axis ranges and artists from here. This room must
not import either of them.
"""
