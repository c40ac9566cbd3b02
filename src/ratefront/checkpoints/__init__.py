"""What every training needs, a task model's as well as a codec's: a state that can be restored, and its checkpoints.

``training_state`` holds all that training changes, and ``checkpoint_file`` writes it to disk. The training loops import
from here: ``trial.train_codec`` and ``task_models.training``. Neither codecs nor task models may be imported here.
"""
