"""Real codes over the task model's decisions, with the bits that they take.

`prefix_code` (Huffman, fixed length) and `block_code` encode and decode; `operational_codes` turns them into
curves. `curve_recipes` and users of the package import from here. This room must not import `statistics` or
anything above it.
"""
