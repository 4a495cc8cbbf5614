# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The nodes by themselves, as launch_ros's LifecycleNode starts them, managed from outside in the order of nav2's manager."""

import itertools

import pytest

_WHY = "a ROS installation has it, PyPI does not: the nodes are not launched here"
pytest.importorskip("launch_testing", reason=f"launch_testing is not installed ({_WHY})")
pytest.importorskip("launch_ros", reason=f"launch_ros is not installed ({_WHY})")

import launch  # noqa: E402
import launch_testing.actions  # noqa: E402
import launched  # noqa: E402
from launch.actions import EmitEvent, OpaqueFunction, RegisterEventHandler  # noqa: E402
from launch.events import matches_action  # noqa: E402
from launch_ros.actions import LifecycleNode  # noqa: E402
from launch_ros.event_handlers import OnStateTransition  # noqa: E402
from launch_ros.events.lifecycle import ChangeState  # noqa: E402
from lifecycle_msgs.msg import State, Transition  # noqa: E402
from lifecycle_msgs.srv import ChangeState as ChangeStateService  # noqa: E402
from lifecycle_msgs.srv import GetState  # noqa: E402

from fer_ros.msg import EmotionArray  # noqa: E402

NAMES = ("camera_node", "face_detector_node", "emotion_node")
CLIP = {"source": "demo", "loop": True, "fps": 5.0}
UP = (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)
DOWN = (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP)
entered: list[tuple[str, str]] = []
"""Nodes and the states that they have entered, as launch saw it."""


def of_launch(node: LifecycleNode, transition: int) -> EmitEvent:
    return EmitEvent(event=ChangeState(lifecycle_node_matcher=matches_action(node), transition_id=transition))


def next_in_turn(nodes: list[LifecycleNode]) -> list[RegisterEventHandler]:
    """Each of the steps up follows the one before, as in nav2: all are configured in their order, then all are activated."""
    steps = [(node, transition) for transition in UP for node in nodes]
    reached = {UP[0]: "inactive", UP[1]: "active"}
    return [RegisterEventHandler(OnStateTransition(
        target_lifecycle_node=node, goal_state=reached[transition], handle_once=True, entities=[of_launch(*following)]))
        for (node, transition), following in itertools.pairwise(steps)]


@pytest.mark.launch_test
@launch_testing.parametrize("autostart", [False, True])
def generate_test_description(autostart):
    launched.alone()
    entered.clear()
    nodes = [LifecycleNode(
        package="fer_ros", executable=name, name=name, namespace="robot", output="screen",
        parameters=[{"autostart": autostart, **(CLIP if name == "camera_node" else {})}],
        remappings=[("image", "image_raw")]) for name in NAMES]
    watched = [RegisterEventHandler(OnStateTransition(target_lifecycle_node=node, entities=[OpaqueFunction(function=noted)]))
               for node in nodes]
    turns = [] if autostart else next_in_turn(nodes)
    first = [] if autostart else [of_launch(nodes[0], UP[0])]
    return launch.LaunchDescription([*watched, *turns, *nodes, *first, launch_testing.actions.ReadyToTest()])


def noted(context):
    event = context.locals.event
    entered.append((event.action.node_name.rpartition("/")[2], event.goal_state))


class TestNodes(launched.Listening):
    def change(self, names, *transitions):
        for transition in transitions:
            for name in names:
                request = ChangeStateService.Request(transition=Transition(id=transition))
                done = self.ask(ChangeStateService, f"/robot/{name}/change_state", request)
                self.assertTrue(done.success, (name, transition))

    def states(self):
        return [self.ask(GetState, f"/robot/{name}/get_state", GetState.Request()).current_state.id for name in NAMES]

    def answered(self):
        """Whether an answer comes from now on."""
        before = len(self.heard)
        self.wait_for(lambda: len(self.heard) > before + 2, "emotions")

    def test_they_come_up_go_down_and_come_up_again(self, autostart):
        self.heard = self.listen(EmotionArray, "/robot/emotions")
        self.wait_for(lambda: self.states() == [State.PRIMARY_STATE_ACTIVE] * 3, "three active nodes")
        self.answered()
        if not autostart:
            self.wait_for(lambda: len([one for one in entered if one[1] in ("inactive", "active")]) >= 6, "their events")
            self.assertEqual([one for one in entered if one[1] in ("inactive", "active")],
                             [(name, state) for state in ("inactive", "active") for name in NAMES])
        self.change(NAMES[::-1], DOWN[0])  # nav2's pause and resume
        self.assertEqual(self.states(), [State.PRIMARY_STATE_INACTIVE] * 3)
        self.change(NAMES, UP[1])
        self.answered()
        self.change(NAMES[::-1], *DOWN)  # its reset and startup
        self.assertEqual(self.states(), [State.PRIMARY_STATE_UNCONFIGURED] * 3)
        self.change(NAMES, *UP)
        self.answered()
        self.change(NAMES[::-1], *DOWN, Transition.TRANSITION_UNCONFIGURED_SHUTDOWN)
        self.assertEqual(self.states(), [State.PRIMARY_STATE_FINALIZED] * 3)


class TestShutdown(launched.Ended):
    PROCESSES = 3
