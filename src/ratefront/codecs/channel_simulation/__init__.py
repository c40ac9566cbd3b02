"""The family ``sample``: a draw from a channel after the task model is sent by relative entropy coding.

The catalogue names ``sample_family``. ``relative_entropy_coding`` is plain NumPy and can be used without a codec.
Nothing here imports the other families.
"""
