"""A codec as an MLflow model: samples in, classes and bytes out.

MLflow keeps a copy of this file with every model, and runs that copy with the ratefront that is installed. No module of
ratefront imports this one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext  # type: ignore[attr-defined]  # though documented there

#: What a caller of MLflow passes to let a model run the Python code of its task model.
OWN_MODULE = 'model_config={"own_module": True}'


class CodecModel(PythonModel):
    """The codec in the model's artifacts ``config`` and ``weights``.

    Where its task model is Python code, that code is run only if the model is loaded with
    ``model_config={"own_module": True}``.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Read the codec's two files.

        Raises:
            InputError: As ``load_codec``.
        """
        from ratefront.errors import InputError
        from ratefront.trial.stored_codec import StoredCodec
        from ratefront.wording import Message

        config, weights = Path(context.artifacts["config"]), Path(context.artifacts["weights"])
        try:
            self._codec = StoredCodec(config, weights, own_module=context.model_config["own_module"] is True)
        except InputError as error:  # the argument of load_codec is a setting of MLflow here
            raise InputError(Message(error).worded(lambda _: OWN_MODULE)) from error

    def predict(
        self,
        context: PythonModelContext,
        model_input: np.ndarray,  # type: ignore[type-arg]  # MLflow compares it with numpy's own
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Code the samples as one stream in blocks of ``params["block_size"]``, and decode what was written.

        Args:
            context: Not used.
            model_input: Images (N, C, H, W) in [0, 1], or point clouds (N, P, 3), float32.
            params: ``block_size``, the number of samples that are coded as one string.

        Returns:
            One row for each sample: ``class``, ``bytes`` and ``payload_bytes`` (see ``RoundTrip``).

        Raises:
            InputError: Values are no brightnesses or not finite, or the block size is not a number of at least 1.
        """
        from ratefront.trial.stored_codec import BLOCK_SIZE

        block_size = int((params or {}).get("block_size", BLOCK_SIZE))  # MLflow fills in the trial's own
        done = self._codec.round_trip(model_input, block_size)
        return pd.DataFrame({"class": done.classes, "bytes": done.bytes, "payload_bytes": done.payload_bytes})


mlflow.models.set_model(CodecModel())
