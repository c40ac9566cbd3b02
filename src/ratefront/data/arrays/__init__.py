"""The data set ``arrays``: a user's own npz file of images or point clouds with labels.

``array_dataset`` loads and describes it; the registry of data sets names these two functions. The other modules read
npz files and check types, shapes, labels, values and units. ``trial.user_samples`` checks a user's samples with the
same rules. Image files and downloaded data sets do not belong here.
"""
