# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the tests of launched graphs share: a domain of their own, a node that listens, and how everything should end."""

import os
import time
import unittest

import launch_testing
import launch_testing.asserts
import rclpy
from rclpy.qos import QoSProfile

from fer_ros.dds import PROFILE_VARIABLES

DOMAIN = 1 + os.getpid() % 90
PATIENCE = 90.0  # seconds for anything that is waited for


def alone() -> None:
    """Keep what is launched from now on to a domain of its own, with the profiles that fer_ros chooses for it."""
    os.environ["ROS_DOMAIN_ID"] = str(DOMAIN)
    for name in PROFILE_VARIABLES:
        os.environ.pop(name, None)


class Listening(unittest.TestCase):
    """Tests that hear and ask a graph by `node`, which is spun while they wait."""

    @classmethod
    def setUpClass(cls):
        rclpy.init(domain_id=DOMAIN)
        cls.node = rclpy.create_node("listening")

    @classmethod
    def tearDownClass(cls):
        cls.node.destroy_node()
        rclpy.shutdown()

    def wait_for(self, condition, what):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), deadline, f"waited in vain for {what}")
            rclpy.spin_once(self.node, timeout_sec=0.05)

    def listen(self, kind, topic):
        """The messages of a topic: a list to which each is added that comes."""
        heard = []
        self.node.create_subscription(kind, topic, heard.append, QoSProfile(depth=50))
        return heard

    def ask(self, kind, name, request):
        """What a service answers, as soon as it is there."""
        client = self.node.create_client(kind, name)
        self.wait_for(client.service_is_ready, name)
        future = client.call_async(request)
        self.wait_for(future.done, f"the answer of {name}")
        return future.result()


@launch_testing.post_shutdown_test()
class Ended(unittest.TestCase):
    """Tests of what is left when all processes have ended; what inherits them is run then, too.

    Attributes:
        PROCESSES: how many there were, where `processes`, a parameter of the launch description, does not say it.
        UNSAID: what none of them may have printed.
    """

    PROCESSES = 0
    UNSAID = ("Traceback", "[ERROR]")

    def test_every_process_ends_with_status_0(self, proc_info, processes=None):
        launch_testing.asserts.assertExitCodes(proc_info)
        self.assertEqual(len(proc_info.process_names()), processes or self.PROCESSES)

    def test_no_node_complained(self, proc_output):
        text = b"".join(io.text for io in proc_output).decode()
        for words in self.UNSAID:
            self.assertNotIn(words, text)
