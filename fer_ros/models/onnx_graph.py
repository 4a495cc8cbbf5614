# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which operator makes an output of an ONNX file, read from the file itself: onnxruntime does not tell.

An ONNX file is a protobuf message; of its fields (onnx.proto) only the graph's nodes are read, and weights are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator

_GRAPH, _NODE = 7, 1  # of ModelProto, of GraphProto
_INPUT, _OUTPUT, _OP_TYPE = 1, 2, 4  # of NodeProto
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

_FORM_ALONE = {"Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Cast", "CastLike", "Dropout", "Transpose",
               "QuantizeLinear", "DequantizeLinear", "Slice", "Gather"}
"""Operators that leave values as they are, but for rounding, and change their form or take some of them."""


def operator_of(content: bytes, output: str) -> str:
    """The operator whose values an output has, seen through those that only change their form; empty if it cannot be told."""
    try:
        makers = _makers(memoryview(content))
    except (IndexError, ValueError):
        return ""
    operator = ""
    for _ in range(len(makers)):  # a graph has no cycle, a file might
        if output not in makers:
            break
        operator, output = makers[output]
        if operator not in _FORM_ALONE:
            return operator
    return ""


def _makers(content: memoryview) -> dict[str, tuple[str, str]]:
    """Operator and first input of what makes each value."""
    makers = {}
    for graph in (part for number, part in _parts(content) if number == _GRAPH):
        for node in (part for number, part in _parts(graph) if number == _NODE):
            texts: dict[int, list[str]] = {_INPUT: [""], _OUTPUT: [], _OP_TYPE: [""]}
            for number, part in _parts(node):
                if number in texts:
                    texts[number].append(bytes(part).decode())
            for output in texts[_OUTPUT]:
                makers[output] = (texts[_OP_TYPE][-1], texts[_INPUT][:2][-1])
    return makers


def _parts(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields of a message that are messages or texts themselves, each with its number."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            _, at = _varint(message, at)
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        elif kind == _BYTES:
            length, at = _varint(message, at)
            if at + length > len(message):
                raise ValueError("it is cut off")
            yield number, message[at : at + length]
            at += length
        else:
            raise ValueError(f"field {number} is of the unknown kind {kind}")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number, and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
