# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One way to open an ONNX model, for every network of the package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fer_ros.models.model_entries import ModelError
from fer_ros.models.model_files import ModelFileError, check_content, listed
from fer_ros.parameters.params import param
from fer_ros.resources import model_downloads, share_directory

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}


@dataclass(frozen=True)
class InferenceParams:
    """Where and how a network runs."""

    provider: str = param(
        "cpu", "Execution provider of onnxruntime; others than cpu need an onnxruntime that was built with it.",
        choices=tuple(_PROVIDERS), live=False,
    )
    threads: int = param(1, "Threads that one inference may use.", range=(1, 64), live=False)


def open_session(path: Path, params: InferenceParams,
                 adapt: Callable[[bytes], bytes] | None = None) -> InferenceSession:
    """Load a model, verified where models/models.yaml lists it.

    Args:
        path: an ONNX file.
        adapt: makes the bytes to run of those in the file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not the listed model, not an ONNX model that this onnxruntime can run, or the provider is not to be
            had.
    """
    try:
        import onnxruntime  # here, so that whoever imports the package does not wait for it
    except ImportError as error:  # a Debian package of fer_ros cannot depend on it
        raise ValueError(f"onnxruntime, which runs the networks, cannot be imported ({error}): pip install onnxruntime"
                         ) from None

    model = _content(path, adapt)
    wanted = _PROVIDERS[params.provider]
    if wanted not in onnxruntime.get_available_providers():
        have = [short for short, full in _PROVIDERS.items() if full in onnxruntime.get_available_providers()]
        raise ValueError(f"provider '{params.provider}' is not in this onnxruntime, which has: {', '.join(have)}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = params.threads
    options.inter_op_num_threads = 1
    # A spinning thread pool burns a core between two frames, which the other nodes need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Else a plan is kept for each size of an input, and faces come in any number.
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            model if isinstance(model, bytes) else str(model), options, providers=[wanted]
        )
    except Exception as error:  # onnxruntime raises a family of types that share no public base
        raise ModelError(f"{path} is not an ONNX model that onnxruntime can run: {error}") from error
    if params.provider == "cpu":  # it keeps the file's content, so that it could begin anew on the CPU if another one failed
        session._model_bytes = None
    # onnxruntime falls back to the CPU without raising when a provider fails to start, a missing CUDA library say.
    if wanted not in session.get_providers():
        raise ValueError(f"{path}: provider '{params.provider}' did not start (got {', '.join(session.get_providers())})")
    return session


def _content(path: Path, adapt: Callable[[bytes], bytes] | None) -> Path | bytes:
    """What onnxruntime loads: the bytes that were verified or adapted; of other files the file, which may refer to more."""
    try:
        entry = listed(path, share_directory() / "models", model_downloads())
        if entry is None and adapt is None:
            return path
        content = path.read_bytes()
        if entry is not None:
            check_content(entry, content, path)
    except ModelFileError as error:
        raise ValueError(str(error)) from None
    return adapt(content) if adapt else content
