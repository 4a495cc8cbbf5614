# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What other distributions name otherwise is found there: their names are put in the place of this installation's."""

from __future__ import annotations

import subprocess
import sys
import textwrap

EVERYTHING = textwrap.dedent("""
    import importlib, pkgutil

    for room in ("ros", "nodes"):
        for module in pkgutil.iter_modules(importlib.import_module(f"fer_ros.{room}").__path__, f"fer_ros.{room}."):
            importlib.import_module(module.name)
""")


def test_every_node_is_imported_with_the_names_of_humble(tmp_path):
    """Its rclpy has the classes of events in another module, and knows no `rclpy.event_handler`."""
    humble = textwrap.dedent("""
        import sys, types
        import rclpy.event_handler, rclpy.lifecycle

        sys.modules["rclpy.qos_event"] = types.ModuleType("rclpy.qos_event")
        vars(sys.modules["rclpy.qos_event"]).update(vars(rclpy.event_handler))
        sys.modules["rclpy.event_handler"] = None  # an ImportError for whoever asks
        del rclpy.event_handler
    """)
    # Not from the current folder: python -c imports from there first, and the source tree has no generated messages.
    done = subprocess.run([sys.executable, "-c", humble + EVERYTHING], cwd=tmp_path, capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr
