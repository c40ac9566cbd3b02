"""What ``import ratefront`` offers, and all that the command line does: sweeps, trials, codecs as typed objects.

Users reach everything here as ``ratefront.NAME``; which names there are says ``ratefront.__all__``.
"""
