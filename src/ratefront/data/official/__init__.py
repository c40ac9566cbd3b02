"""Published data sets by name: MNIST and others from torchvision, and scikit-learn's digits.

``torchvision_datasets`` and ``digits`` load them; the registry of data sets names their functions. Files are looked
for in the data folder and downloaded where they are missing. Only the registry and tests use this package; a user's
own files do not belong here.
"""
