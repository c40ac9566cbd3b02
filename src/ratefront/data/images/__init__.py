"""The data sets ``image_folder`` and ``images``: folders of image files, with labels and without.

``image_folder`` loads labelled files, ``unlabelled_images`` crops of unlabelled ones; the registry of data sets names
their functions. The other modules find, check and decode image files. Other packages import what decodes and checks
single images, no loaders. npz files do not belong here.
"""
