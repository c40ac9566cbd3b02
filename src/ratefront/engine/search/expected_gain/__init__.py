"""The default search: it tries the configuration whose expected gain of hypervolume is largest for its time.

``front_search.FrontSearch`` is what the suggester asks. A model of each branch of the space predicts what a trial would
measure and how long it would take (``branch_model``, on ``gaussian_process``). The region that the front does not
dominate is cut into boxes (``non_dominated_boxes``), over which the expected gain is a sum of products
(``hypervolume_gain``). NumPy and SciPy only.
"""
