"""The sources for which the papers draw figures: Gaussian mixture, object detection, ModelNet40.

`paper_examples.example` builds their bounds; the package's `example` is that function. The report draws them.
Nothing else in `bounds` may import from here.
"""
