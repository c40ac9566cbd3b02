"""What a codec costs the transmitter: bytes that it must hold, and multiply–accumulates (MACs) of one sample.

``transmitter_bytes`` counts bytes, ``stored_precision`` says in which precision tensors are stored and so counted, and
``macs`` counts MACs. Codecs, task models and tests import from here. Neither a codec nor a task model is known here:
this room sees modules, tensors and frequency tables.
"""
