"""One way to open an ONNX model, for every network of the package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import onnxruntime

from fer_ros.core.params import param

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


def open_session(model: Path | bytes, name: str, params: InferenceParams) -> onnxruntime.InferenceSession:
    """Load a model.

    Args:
        model: an ONNX file or its bytes.
        name: what to call it in an error.

    Raises:
        ValueError: it is not an ONNX model that this onnxruntime can run, or the provider is not to be had.
    """
    wanted = _PROVIDERS[params.provider]
    if wanted not in onnxruntime.get_available_providers():
        have = [short for short, full in _PROVIDERS.items() if full in onnxruntime.get_available_providers()]
        raise ValueError(f"provider '{params.provider}' is not in this onnxruntime, which has: {', '.join(have)}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = params.threads
    options.inter_op_num_threads = 1
    # A spinning thread pool burns a core between two frames, which the other nodes need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            model if isinstance(model, bytes) else str(model), options, providers=[wanted]
        )
    except Exception as error:  # onnxruntime raises a family of types that share no public base
        raise ValueError(f"{name} is not an ONNX model that onnxruntime can run: {error}") from error
    # onnxruntime falls back to the CPU without raising when a provider fails to start, a missing CUDA library say.
    if wanted not in session.get_providers():
        raise ValueError(f"{name}: provider '{params.provider}' did not start (got {', '.join(session.get_providers())})")
    return session
