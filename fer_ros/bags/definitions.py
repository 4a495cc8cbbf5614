# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Whether what a bag calls an image is defined as the image that this package knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rosbags.interfaces import MessageDefinitionFormat
from rosbags.typesys import get_types_from_idl, get_types_from_msg
from rosbags.typesys.store import Typestore

from fer_ros.bags.errors import BagError
from fer_ros.words import command

_IDL = f"{'=' * 80}\nIDL: "  # before each type where a definition holds several


def check_definition(connection: Any, known: Typestore, path: Path) -> None:
    """Compare the definition that a bag holds of a message with the known one.

    The definition is only read: rosbags makes Python code of one that it is to use, and a bag may come from anybody.

    Raises:
        BagError: it has other fields, or its messages are no CDR.
    """
    format_ = getattr(connection.ext, "serialization_format", "cdr")
    if format_ != "cdr":
        raise BagError(f"{connection.topic} in {path} is not read: its messages are serialized as '{format_}' and not as "
                       f"CDR; {command('bag convert')} makes one that can be read")
    name = connection.msgtype
    own = _fields(connection.msgdef, name)
    for one in own.keys() & known.fielddefs.keys():
        if _plain(own[one]) != _plain(known.fielddefs[one]):
            fields = ", ".join(field for field, _ in own[one][1])[:200]
            raise BagError(f"{connection.topic} in {path} is not read: its {name} is of another version of the message, in "
                           f"which {one} has the fields {fields}")


def _fields(definition: Any, name: str) -> dict[str, Any]:
    """By type; empty where there is no definition, or none that can be read: then the messages themselves tell."""
    try:
        if definition.format == MessageDefinitionFormat.MSG:
            return get_types_from_msg(definition.data, name)
        if definition.format == MessageDefinitionFormat.IDL:
            texts = [text.partition("\n")[2] for text in definition.data.split(_IDL)[1:]] or [definition.data]
            return {one: fields for text in texts for one, fields in get_types_from_idl(text).items()}
    except Exception:  # whatever its parser makes of nonsense
        pass
    return {}


def _plain(definition: Any) -> list[Any]:
    return [(field.lower(), kind) for field, kind in definition[1]]
