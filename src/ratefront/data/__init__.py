"""Data sets as trials see them: three splits of samples with labels, read on demand.

``arrays``, ``images`` and ``official`` each load one kind of source; what they share lies beside them. Other packages
import ``Dataset``, ``Samples`` and ``Split`` from ``dataset``, and call ``load_dataset``. Nothing here knows of codecs,
task models or trials: import none of them.
"""
