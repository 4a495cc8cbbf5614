# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A teacher can begin with dlib's face recognition network, and answers at first as that does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch (pip install 'fer_ros[train]', or make training)")

import torch
from torch.nn import functional as F

from fer_ros.cli import main
from fer_ros.training import checkpoint, recognizer
from fer_ros.training.checkpoint import RunError
from fer_ros.training.model import RecognizerNet, folded, make
from fer_ros.training.recipe import Recipe

pytestmark = pytest.mark.training

HALVING = ("conv64_down", "conv128_down", "conv256_down", "conv256_down_out")
BLOCKS = ("conv32_1", "conv32_2", "conv32_3", "conv64_down", "conv64_1", "conv64_2", "conv64_3", "conv128_down", "conv128_1",
          "conv128_2", "conv256_down", "conv256_1", "conv256_2", "conv256_down_out")


def shapes() -> dict[str, tuple[int, ...]]:
    """Everything that face-api.js's file holds, by its names."""
    found: dict[str, tuple[int, ...]] = {}

    def layer(name: str, size: int, before: int, after: int) -> None:
        found[f"{name}/conv/filters"] = (size, size, before, after)
        for kind in ("conv/bias", "scale/weights", "scale/biases"):
            found[f"{name}/{kind}"] = (after,)

    layer("conv32_down", 7, 3, 32)
    before = 32
    for name in BLOCKS:
        after = int(name[4:].split("_")[0])
        layer(f"{name}/conv1", 3, before, after)
        layer(f"{name}/conv2", 3, after, after)
        before = after
    found["fc"] = (256, 128)
    return found


@pytest.fixture(scope="module")
def weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    made = {}
    for name, shape in shapes().items():
        scale = float(np.sqrt(2 / np.prod(shape[:3]))) if len(shape) == 4 else 0.1
        made[name] = (rng.normal(0, scale, shape) + (name.endswith("scale/weights"))).astype(np.float32)
    return made


def write(folder: Path, weights, packed=("conv32_1/conv1/conv/filters",)) -> Path:
    """As face-api.js has it: some arrays with 8 bits, some as they are."""
    entries, content = [], b""
    for name, values in weights.items():
        entry = {"name": name, "shape": list(values.shape), "dtype": "float32"}
        if name in packed:
            low, scale = float(values.min()), float(np.ptp(values)) / 255
            entry["quantization"] = {"dtype": "uint8", "scale": scale, "min": low}
            values = np.round((values - low) / scale).astype(np.uint8)
        entries.append(entry)
        content += values.tobytes()
    (folder / "net.bin").write_bytes(content)
    path = folder / "net.json"
    path.write_text(json.dumps([{"weights": entries, "paths": ["net.bin"]}]), encoding="utf-8")
    return path


def features(x: torch.Tensor, weights) -> torch.Tensor:
    """dlib's network as face-api.js computes it: scales and shifts, no normalization."""
    def conv(x, name, stride, padding):
        filters = torch.from_numpy(weights[f"{name}/conv/filters"]).permute(3, 2, 0, 1)
        x = F.conv2d(x, filters, torch.from_numpy(weights[f"{name}/conv/bias"]), stride, padding)
        scale, shift = (torch.from_numpy(weights[f"{name}/scale/{kind}"])[:, None, None] for kind in ("weights", "biases"))
        return x * scale + shift

    x = F.max_pool2d(conv(x.expand(-1, 3, -1, -1), "conv32_down", 2, 0).relu(), 3, 2)
    for name in BLOCKS:
        halve = name in HALVING
        out = conv(conv(x, f"{name}/conv1", 2 if halve else 1, 0 if halve else 1).relu(), f"{name}/conv2", 1, 1)
        if halve:
            x = F.avg_pool2d(x, 2)
            x = F.pad(x, (0, 0, 0, 0, 0, out.shape[1] - x.shape[1]))
            out = F.pad(out, (0, x.shape[3] - out.shape[3], 0, x.shape[2] - out.shape[2]))
        x = (x + out).relu()
    return x.mean((2, 3))


def faces(count: int = 24) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (count, 12, 12)).astype(np.uint8).repeat(4, 1).repeat(4, 2)


@pytest.mark.parametrize("architecture, side", [("recognizer", 112), ("recognizer-fine", 144)])
def test_it_begins_with_dlibs_features(architecture, side, weights):
    network = make(Recipe(architecture=architecture, dropout=0.0))
    recognizer.begin_with(network, weights, faces())
    seen = {}
    network.head[2].register_forward_hook(lambda module, inputs, out: seen.update(x=inputs[0]))
    x = torch.from_numpy(faces()).unsqueeze(1).float() / 255
    grey = F.interpolate(network.standardize(x) * RecognizerNet.CONTRAST, size=side, mode="bilinear", align_corners=False)
    with torch.no_grad():
        plain = network.eval()(x)
        expected = features(grey, weights)
        assert expected.std() > 0.01
        assert torch.allclose(seen["x"], expected, atol=2e-3 * float(expected.abs().max()))
        # What each normalization took for mean and variance is what came: training begins from the same answers.
        assert torch.allclose(network.train()(x), plain, atol=1e-3 * float(plain.abs().max()))
        assert torch.allclose(folded(network)(x), plain, atol=1e-3 * float(plain.abs().max()))


def test_weights_of_8_bits_are_read_beside_others(weights, tmp_path):
    found = recognizer.read(write(tmp_path, weights))
    assert set(found) == set(weights)
    assert np.array_equal(found["fc"], weights["fc"])
    packed = "conv32_1/conv1/conv/filters"
    assert 0 < np.abs(found[packed] - weights[packed]).max() <= np.ptp(weights[packed]) / 255


@pytest.mark.parametrize("text", [
    "", "[]", "{}", "nan", "[1]", '[{"paths": []}]', '[{"weights": [], "paths": ["missing.bin"]}]',
    '[{"weights": 3, "paths": ["net.bin"]}]', '[{"weights": [{}], "paths": ["net.bin"]}]',
    '[{"weights": [], "paths": ["net.bin"]}]', '[{"weights": [], "paths": "net.bin"}]',
    '[{"weights": [{"name": "a", "shape": [-1], "dtype": "float32"}], "paths": ["net.bin"]}]',
    '[{"weights": [{"name": "a", "shape": [9999999999999], "dtype": "O"}], "paths": ["net.bin"]}]',
])
def test_what_is_no_manifest_is_an_error(text, tmp_path):
    (tmp_path / "net.bin").write_bytes(b"1234567")
    path = tmp_path / "net.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RunError, match=r"manifest|cannot be read"):
        recognizer.read(path)


def test_a_file_of_weights_that_was_cut_off_is_an_error(weights, tmp_path):
    path = write(tmp_path, weights)
    content = (tmp_path / "net.bin").read_bytes()
    for part in (content[:-1], content + b"0"):
        (tmp_path / "net.bin").write_bytes(part)
        with pytest.raises(RunError, match="the file beside it is another one"):
            recognizer.read(path)
    with pytest.raises(RunError, match="cannot be read"):
        recognizer.read(tmp_path / "other.json")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(RunError, match="no manifest"):
        recognizer.read(path)


def test_other_weights_and_other_networks_are_refused(weights):
    with pytest.raises(RunError, match="only the architectures recognizer"):
        recognizer.begin_with(make(Recipe(architecture="tiny")), weights, faces())
    network = make(Recipe(architecture="recognizer"))
    missing = {name: values for name, values in weights.items() if name != "conv64_1/conv2/scale/biases"}
    for wrong in ({}, missing, weights | {"conv64_1/conv1/conv/bias": np.zeros(7, np.float32)},
                  weights | {"conv64_1/conv1/scale/weights": np.ones(1, np.float32)},
                  weights | {"conv32_1/conv1/conv/filters": np.ones((3, 3, 1, 32), np.float32)}):
        with pytest.raises(RunError, match="does not hold the weights"):
            recognizer.begin_with(network, wrong, faces())
    assert not network.features[3].main[0][1]._forward_pre_hooks


def test_a_run_begins_with_them(weights, drawn_fer2013, tmp_path, capsys):
    data = drawn_fer2013(tmp_path / "data", each=2)
    words = ["train", "--data", str(data), "--set", "batch=8", "--set", "epochs=1", "--set", "precision=float32",
             "--device", "cpu", "--start-from", str(write(tmp_path, weights))]
    with pytest.raises(SystemExit) as end:
        main([*words, "--out", str(tmp_path / "run"), "--set", "architecture=recognizer"])
    assert not end.value.code
    assert checkpoint.trained(tmp_path / "run").facts["start_from"] == "dlib's face recognition network"
    with pytest.raises(SystemExit) as end:
        main([*words, "--out", str(tmp_path / "other"), "--set", "architecture=tiny"])
    assert end.value.code
    assert "only the architectures recognizer" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--teacher", "--start-from"])
@pytest.mark.parametrize("name", ["missing.onnx", "missing.json", "missing"])
def test_a_network_that_is_not_there_is_told_before_the_data_is_read(option, name, drawn_fer2013, tmp_path, capsys):
    data = drawn_fer2013(tmp_path / "data", each=2)
    change = ["--set", "distillation=0.5"] if option == "--teacher" else []
    with pytest.raises(SystemExit) as end:
        main(["train", "--data", str(data), "--out", str(tmp_path / "run"), option, str(tmp_path / name), *change])
    assert end.value.code
    said = capsys.readouterr().err
    assert name in said
    assert "not found" in said
    assert "reading" not in said
