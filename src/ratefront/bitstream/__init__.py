"""Coded files: an entropy coder, the strings that it makes of latents, the container of those strings, and the rate.

``coded_stream`` writes and reads a whole stream, ``container`` has its layout (magic, header, checksums), ``rate_bits``
turns bytes into bit/sample. Codecs, trials and audits import from here. Of ratefront, this room imports only
the errors. torch must not be imported here, and ``container`` and ``rate_bits`` need NumPy alone.
"""
