"""A trial's codec as files that other programs run: its two halves as ONNX, its tables as JSON.

Others import ``export_trial``. It makes the halves (``halves``), writes them (``onnx_file``), describes the coder's
tables (``coder_tables``), and runs what it has written (``check_halves``).
"""
