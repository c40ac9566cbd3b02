"""What ``import ratefront`` offers: sweeps, trials, fronts and codecs as typed objects, and functions that make them.

Users reach everything as ``ratefront.NAME``; ``ratefront.__all__`` lists the names. The command line imports
these modules. They may import all rooms below, but not ``cli``; each imports what is heavy when it is called.
"""
