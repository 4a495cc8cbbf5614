# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The one description of the graph: which nodes, where, with which parameters and remappings.

The launch files, `fer-ros run` and `fer-ros replay` all start what this says. Needs neither ROS nor launch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from fer_ros.media.source_name import is_finite
from fer_ros.parameters.cameras_file import Camera, check_topic
from fer_ros.parameters.yaml_text import parameter_sections
from fer_ros.resources import share_directory

PACKAGE = "fer_ros"
HRI = "hri"
"""In the place of a topic with faces: those of a ROS4HRI detector."""
HRI_FACES = "hri_faces_node"


@dataclass(frozen=True)
class NodeSpec:
    """One node of the graph.

    Attributes:
        executable: of a process that holds this node alone; the node's name, too.
        namespace: absolute.
        remappings: from the node's own topic names to the graph's.
        tuned: parameters that suit this graph better than the defaults; a user's parameter file comes on top of them.
        named: parameters that the user has named on the command line; they come last.
    """

    executable: str
    namespace: str
    remappings: Mapping[str, str] = field(default_factory=dict)
    tuned: Mapping[str, Any] = field(default_factory=dict)
    named: Mapping[str, Any] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        return f"{self.namespace.rstrip('/')}/{self.executable}"


@dataclass(frozen=True)
class Process:
    """One process of the graph.

    Attributes:
        node: that gives its executable, its name, its namespace and its remappings.
        nodes: all that are in it.
    """

    node: NodeSpec
    nodes: tuple[NodeSpec, ...]

    def parameter_files(self, users_file: Path, folder: Path,
                        extra: Callable[[NodeSpec], Mapping[str, Any]] = lambda node: {}) -> list[Path]:
        """Parameter files in the order in which they apply, the last winning.

        Args:
            users_file: comes after what suits this graph and before what the user has named.
            folder: for those that are written here. By file and not with -p: there `source:=no` would be the boolean false.
            extra: parameters of a node that come last of all.
        """
        def write(part: str, content: Mapping[str, Mapping[str, Any]]) -> list[Path]:
            if not (text := parameter_sections(content)):
                return []
            file = folder / f"{self.node.executable}-{part}.yaml"
            file.write_text(text, encoding="utf-8")
            return [file]

        def users() -> dict[str, dict[str, Any]]:
            # Loads all stages, which nobody needs without a file of one's own.
            from fer_ros.parameters.params_file import typed

            return typed(users_file)

        # Of the sections that fit a node, ROS lets that one win whose name came last for the first time, whatever the order
        # of the files. So what the user's file shall win over has the shipped file's names, which came before any of its.
        shipped = default_params_file()
        told = {} if users_file.absolute() == shipped else users()
        tuned = self._tuned(told)
        before = {**tuned, **told}
        return [
            shipped,
            *write("tuned", tuned),
            *write("users", told),
            *write("named", {_unused(node.full_name, before): node.named for node in self.nodes}),
            *write("extra", {_unused(node.full_name, before): _beside(node.named, extra(node)) for node in self.nodes}),
        ]

    def _tuned(self, told: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        """What suits the graph, by names of sections.

        What nodes of one name share stands under the shipped file's name of it. Where they differ, as those of several cameras
        do, each has a section of its own: it would win over the user's, so it leaves out what that says.
        """
        sections: dict[str, dict[str, Any]] = {}
        for node in self.nodes:
            alike = [other.tuned for other in self.nodes if other.executable == node.executable]
            shared = {name: value for name, value in node.tuned.items() if all(one.get(name) == value for one in alike)}
            own = {name: value for name, value in node.tuned.items() if name not in shared}
            sections[f"/**/{node.executable}"] = shared
            if own:
                sections[node.full_name] = _beside(_told_of(node.full_name, told), own)
        return {name: values for name, values in sections.items() if values}


def _told_of(full_name: str, sections: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What sections of a parameter file say to a node."""
    if not sections:
        return {}
    from fer_ros.parameters.params_file import Section  # loads all stages

    return {name: value for pattern, values in sections.items() if Section(pattern, 0).fits(full_name)
            for name, value in values.items()}


def _unused(full_name: str, sections: Mapping[str, Any]) -> str:
    """A name for a node's section that the user's file has not, so that it comes after all of that file's."""
    name = full_name
    while name in sections:
        name = f"/**{name}"
    return name


def _beside(named: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in extra.items() if name not in named}


@dataclass(frozen=True)
class Privacy:
    """What a graph does for the people in view.

    Attributes:
        anonymize: what is done to faces in every picture that the graph makes; empty for what the nodes' parameters say.
        ids: whether faces have ids.
    """

    anonymize: str = ""
    ids: bool = True

    def parameters(self) -> dict[str, dict[str, Any]]:
        """By node."""
        told: dict[str, dict[str, Any]] = {}
        if self.anonymize:
            told = {"overlay_node": {"anonymize": self.anonymize}, "web_node": {"anonymize": self.anonymize}}
        if not self.ids:
            told.setdefault("overlay_node", {})["show_ids"] = False
            told |= {name: {"publish_ids": False} for name in ("face_detector_node", "emotion_node")}
        return told


NO_PRIVACY = Privacy()


@dataclass(frozen=True)
class Topics:
    """Names of the graph's topics, absolute."""

    image: str
    camera_info: str
    faces: str
    emotions: str
    events: str
    overlay: str


@dataclass(frozen=True)
class Graph:
    """The nodes in the order in which they should start, and the topics between them.

    Attributes:
        source: the node that publishes the images, the last one; None where somebody else does.
        composed: the node that makes all others in its process; None where each has its own.
    """

    nodes: tuple[NodeSpec, ...]
    topics: Topics
    source: NodeSpec | None
    composed: NodeSpec | None = None

    @property
    def prefix(self) -> str:
        """The namespace that is put before all names; empty for none."""
        return self.topics.emotions.removesuffix("/fer/emotions")

    @property
    def processes(self) -> tuple[Process, ...]:
        """In the order in which they should start."""
        if self.composed is not None:
            return (Process(self.composed, (self.composed, *self.nodes)),)
        return tuple(Process(node, (node,)) for node in self.nodes)


@dataclass(frozen=True)
class CamerasGraph:
    """The graphs of several cameras, all in one process.

    Attributes:
        cameras: by the name of the camera, below which its graph lies.
        composed: the node that makes all others.
        prefix: the namespace that is put before all names; empty for none.
        shared: the nodes that serve all cameras.
    """

    cameras: Mapping[str, Graph]
    composed: NodeSpec
    prefix: str
    shared: tuple[NodeSpec, ...] = ()

    @property
    def nodes(self) -> tuple[NodeSpec, ...]:
        return (*(node for graph in self.cameras.values() for node in graph.nodes), *self.shared)

    @property
    def processes(self) -> tuple[Process, ...]:
        return (Process(self.composed, (self.composed, *self.nodes)),)


G = TypeVar("G", Graph, CamerasGraph)


def with_nodes(graph: G, changed: Callable[[NodeSpec], NodeSpec]) -> G:
    """A graph in which each node is what `changed` makes of it."""
    if isinstance(graph, CamerasGraph):
        cameras = {name: with_nodes(one, changed) for name, one in graph.cameras.items()}
        return replace(graph, cameras=cameras, composed=changed(graph.composed), shared=tuple(map(changed, graph.shared)))
    nodes = tuple(map(changed, graph.nodes))
    source = next((new for new, old in zip(nodes, graph.nodes, strict=True) if old is graph.source), None)
    return replace(graph, nodes=nodes, source=source, composed=changed(graph.composed) if graph.composed else None)


def with_named(graph: G, named: Mapping[str, Mapping[str, Any]]) -> G:
    """A graph whose user has named parameters on the command line.

    Args:
        named: by the full names of nodes; they win over what `graph` says itself.
    """
    return with_nodes(graph, lambda node: replace(node, named={**node.named, **named.get(node.full_name, {})}))


def with_group_parameters(graph: G, group: Iterable[tuple[str, Any] | Path]) -> G:
    """A graph in a group of nodes that share parameters, as `SetParameter` of a launch file gives them.

    They win over what suits the graph. A user's parameter file and what is named on the command line win over them.

    Args:
        group: name and value, or a parameter file, in the order in which they apply, the last winning. What is for nodes or
            parameters that the graph has not is for others.

    Raises:
        ValueError: a value is not allowed, or a file is not to be read.
    """
    group = list(group)
    if not group:
        return graph
    from fer_ros.parameters.graph_params import parameters_of  # loads all stages
    from fer_ros.parameters.params_file import ParameterFile

    files = {item: ParameterFile.read(item) for item in group if isinstance(item, Path)}

    def of(node: NodeSpec) -> NodeSpec:
        known, values = parameters_of(node.executable), dict(node.tuned)
        for item in group:
            told = [item] if isinstance(item, tuple) else [
                (entry.name, entry.value) for section in files[item].sections if section.fits(node.full_name)
                for entry in section.entries]
            values |= {name: known[name].check(value) for name, value in told
                       if name in known and (node.executable, name) not in _NEVER_OF_A_GROUP}
        return replace(node, tuned=values)

    return with_nodes(graph, of)


_NEVER_OF_A_GROUP = {("replay_node", "use_sim_time")}
"""The node that makes the time does not wait for it."""


def with_ports(graph: G, params_file: Path) -> G:
    """A graph whose pages have a port each: the one that is asked for, or else the next that no page before it has.

    Args:
        params_file: of the user, which may ask for some.

    Raises:
        ValueError: ports end before the pages do; or as of `check_params_file`.
    """
    pages = [node for node in graph.nodes if node.executable == "web_node"]
    if len(pages) < 2:
        return graph
    from fer_ros.parameters.graph_params import parameters_of  # loads all stages
    from fer_ros.parameters.params_file import typed

    # The shipped file says what the default is, too, and is none of the user's.
    told = {} if params_file.absolute() == default_params_file() else typed(params_file)
    default = parameters_of("web_node")["port"].default
    ports: dict[str, int] = {}
    for node in pages:
        asked = {**node.tuned, **_told_of(node.full_name, told), **node.named}.get("port", default)
        port = asked
        while port and port in ports.values():  # 0 is any that is free
            port += 1
        if port > _LAST_PORT:
            raise ValueError(f"there is no port for the page of {node.namespace.removesuffix('/fer').strip('/')}: those from "
                             f"{asked} to {_LAST_PORT} are for the pages of the cameras before it: choose a lower web_port")
        ports[node.full_name] = port
    return with_named(graph, {name: {"port": port} for name, port in ports.items()})


_LAST_PORT = 65535


def webcam_graph(camera: Mapping[str, Any], *, image: str = "", namespace: str = "", overlay: bool = True,
                 more_subscribers: int = 0, composed: bool = True, web: Mapping[str, Any] | None = None,
                 privacy: Privacy = NO_PRIVACY, faces: str = "", hri: bool = False, humans_namespace: str = "") -> Graph:
    """Camera, face detector, emotion and, if wanted, overlay.

    Args:
        camera: parameters of the camera node that its user names (`source`, `width`, ...).
        image: topic of another camera driver's images, in place of a camera node; empty for none.
        namespace: put before /camera and /fer, so that several robots share a network; empty for none.
        overlay: whether there is an overlay node.
        more_subscribers: how many more nodes than detector and emotion are going to subscribe to the image.
        composed: all nodes in one process; otherwise each in its own.
        web: parameters of the web node that its user names; None for no such node.
        privacy: what is done for the people in view.
        faces: topic of another detector's faces, in place of a detector node; `HRI` for those of a ROS4HRI detector; empty
            for none.
        hri: whether there is a node that publishes the topics of REP-155.
        humans_namespace: of those topics, where its user names one.

    Raises:
        ValueError: `namespace`, `image` or `faces` cannot be one, or faces without ids shall have topics.
    """
    finite = not image and "source" in camera and is_finite(str(camera["source"]))
    return _graph("camera_node", camera, finite=finite, image=image, to_others={}, namespace=namespace, overlay=overlay,
                  more_subscribers=more_subscribers, composed=composed, web=web, privacy=privacy, faces=faces, hri=hri,
                  humans_namespace=humans_namespace)


def replay_graph(replay: Mapping[str, Any], *, namespace: str = "", overlay: bool = True, more_subscribers: int = 0,
                 composed: bool = True, web: Mapping[str, Any] | None = None, privacy: Privacy = NO_PRIVACY,
                 faces: str = "", hri: bool = False, humans_namespace: str = "") -> Graph:
    """The same with a recorded bag in the camera's place.

    Args:
        replay: parameters of the replay node that its user names (`bag`, `rate`, ...). With its `clock` the other nodes take
            their time from there.
    """
    to_others = {"use_sim_time": True} if replay.get("clock") else {}
    return _graph("replay_node", replay, finite=True, image="", to_others=to_others, namespace=namespace, overlay=overlay,
                  more_subscribers=more_subscribers, composed=composed, web=web, privacy=privacy, faces=faces, hri=hri,
                  humans_namespace=humans_namespace)


def cameras_graph(cameras: Sequence[Camera], *, namespace: str = "", overlay: bool = True, privacy: Privacy = NO_PRIVACY,
                  web: Mapping[str, Any] | None = None, hri: bool = False, humans_namespace: str = "") -> CamerasGraph:
    """The graphs of several cameras in one process, each below the name of its camera.

    The ids of faces, and the frames of images, begin with the name, too.

    Args:
        cameras: with different names; each has a source or is a topic.
        web: parameters of the web nodes, of which each camera has one, that their user names; None for no such nodes. See
            `with_ports`.
        hri: whether there is a node, one for all, that publishes the topics of REP-155.
        humans_namespace: of those topics, where its user names one.

    Raises:
        ValueError: see `webcam_graph`, or two cameras have the images of one topic.
    """
    if hri:
        _check_ids(privacy)
    topics = [camera.name for camera in cameras if camera.image]
    mixed = 0 < len(topics) < len(cameras)
    prefix = _prefix(namespace)
    graphs = {camera.name: webcam_graph(camera.named, image=camera.image, namespace=f"{prefix}/{camera.name}",
                                        overlay=overlay, privacy=privacy, web=web) for camera in cameras}
    _check_images(graphs)
    own = {f"{prefix}/{name}/{node}": values for name in graphs for node, values in (
        ("camera/camera_node", {"frame_id": f"{name}_optical_frame"}), ("fer/face_detector_node", {"id_prefix": f"{name}_"}),
        ("fer/emotion_node", {"id_prefix": f"{name}_"}))}
    graphs = {name: with_nodes(graph, lambda node: replace(node, tuned={**node.tuned, **own.get(node.full_name, {})}))
              for name, graph in graphs.items()}
    lossless = all(graph.composed is not None and not graph.composed.tuned["drop_frames"] for graph in graphs.values())
    composed = NodeSpec(
        "pipeline_node", prefix or "/",
        {f"{name}/image": graphs[name].topics.image for name in topics},
        {"drop_frames": not lossless},
        {"cameras": ",".join(graphs), "image_node": "none" if topics and not mixed else "camera_node", "overlay": overlay,
         **({"topic_cameras": ",".join(topics)} if mixed else {}), **({"web": True} if web is not None else {}),
         **({"hri": True} if hri else {})})
    people = NodeSpec("hri_node", f"{prefix}/fer",
                      {f"{name}/{own}": topic for name, graph in graphs.items()
                       for own, topic in (("image", graph.topics.image), ("emotions", graph.topics.emotions))},
                      named={"cameras": ",".join(graphs), **_humans(humans_namespace)})
    return CamerasGraph(graphs, composed, prefix, (people,) if hri else ())


def _check_ids(privacy: Privacy) -> None:
    """Raises ValueError where faces have no ids that topics of REP-155 could be named by."""
    if not privacy.ids:
        raise ValueError("the topics of REP-155 are named by the ids of faces: they cannot be published without ids")


def _humans(namespace: str) -> dict[str, Any]:
    """What a node of the topics of REP-155 is told of where they are."""
    return {"humans_namespace": namespace} if namespace else {}


def _check_images(graphs: Mapping[str, Graph]) -> None:
    """Raises ValueError where two cameras have the images of one topic: each would get all of them twice."""
    cameras: dict[str, str] = {}
    for name, graph in graphs.items():
        other = cameras.setdefault(graph.topics.image, name)
        if other != name:
            raise ValueError(f"{other} and {name} both have the images of {graph.topics.image}: leave one of the two out")


def _prefix(namespace: str) -> str:
    """A namespace as it is put before names, absolute; empty for none. Raises ValueError where it cannot be one."""
    prefix = f"/{namespace.strip('/')}" if namespace.strip("/") else ""
    if not re.fullmatch(r"(/[A-Za-z_][A-Za-z0-9_]*)*", prefix):
        raise ValueError(f"'{namespace}' is no ROS namespace: letters, digits and _, not beginning with a digit, parted by /")
    return prefix


def _graph(source: str, named: Mapping[str, Any], *, finite: bool, image: str, to_others: Mapping[str, Any], namespace: str,
           overlay: bool, more_subscribers: int, composed: bool, web: Mapping[str, Any] | None, privacy: Privacy,
           faces: str, hri: bool, humans_namespace: str) -> Graph:
    prefix = _prefix(namespace)
    if hri:
        _check_ids(privacy)
    own_faces = "" if faces == HRI else faces
    topics = Topics(
        image=_topic(image, prefix) or f"{prefix}/camera/image_raw",
        camera_info=f"{prefix}/camera/camera_info",
        faces=_topic(own_faces, prefix) or f"{prefix}/fer/faces",
        emotions=f"{prefix}/fer/emotions",
        events=f"{prefix}/fer/events",
        overlay=f"{prefix}/fer/overlay",
    )
    detector = HRI_FACES if faces == HRI else "none" if faces else "face_detector_node"
    # A file plays once and every frame of it counts: wait until all are there to see it, and lose nothing. From a camera,
    # on the other hand, the newest frame is wanted, and it waits for nobody.
    # In one process the image comes to the other nodes by way of the detector; one that is somebody else's is one more.
    other_detector = detector != "face_detector_node"
    within = 1 if composed else 1 + (detector != "none") + hri + more_subscribers
    from_source: dict[str, Any] = {"wait_for_subscribers": within + other_detector}
    to_others = dict(to_others)
    if finite:
        # One end of a connection knows of the other first: durable, so that nothing is lost in between.
        from_source |= {"image_durability": "transient_local", "image_depth": 30}
        to_others |= {"image_depth": 2} if composed else {  # in one process whoever hands on waits: a few are enough
            "image_reliability": "reliable", "image_durability": "transient_local", "image_depth": 30}
    remappings = {"image": topics.image, **({"faces": topics.faces} if own_faces else {})}
    executables = [*([detector] if detector != "none" else []), "emotion_node", *(["overlay_node"] if overlay else [])]
    told = {**privacy.parameters(), HRI_FACES: _humans(humans_namespace), "hri_node": _humans(humans_namespace)}
    nodes = [NodeSpec(name, f"{prefix}/fer", remappings, to_others, told.get(name, {})) for name in executables]
    if web is not None:
        nodes.append(NodeSpec("web_node", f"{prefix}/fer", remappings, to_others, {**told.get("web_node", {}), **web}))
    if hri:
        # Who is there, and where, is said by the detector already.
        tuned = {**to_others, "publish_faces": False} if detector == HRI_FACES else to_others
        nodes.append(NodeSpec("hri_node", f"{prefix}/fer", remappings, tuned, told["hri_node"]))
    last = None if image else NodeSpec(source, f"{prefix}/camera", {}, from_source, dict(named))
    nodes += [last] if last else []
    outside = {"image": topics.image} if image else {}
    pipeline = NodeSpec("pipeline_node", prefix or "/", {**outside, **({"faces": topics.faces} if own_faces else {})},
                        {"drop_frames": not finite},
                        {"image_node": "none" if image else source, "overlay": overlay,
                         **({"face_node": detector} if detector != "face_detector_node" else {}),
                         **({"web": True} if web is not None else {}), **({"hri": True} if hri else {})})
    return Graph(tuple(nodes), topics, last, pipeline if composed else None)


def _topic(name: str, prefix: str) -> str:
    """A topic's absolute name; empty for none. Raises ValueError where it cannot be one."""
    if name:
        check_topic(name)
    return name if name.startswith("/") or not name else f"{prefix}/{name}"


def check_params_file(file: Path, graph: Graph | CamerasGraph) -> None:
    """Refuse a user's parameter file with entries that have no effect.

    Raises:
        ValueError: see `fer_ros.parameters.params_file.check`.
    """
    if file.absolute() != default_params_file():
        from fer_ros.parameters.params_file import check  # loads all stages

        check(file, graph.prefix, tuple(graph.cameras) if isinstance(graph, CamerasGraph) else None)


def check_named(graph: Graph | CamerasGraph, params_file: Path) -> None:
    """Refuse parameters that the user has named and that are not allowed, by themselves or beside those of the file.

    Raises:
        ValueError: see `fer_ros.parameters.params_file.parameters`.
    """
    from fer_ros.parameters.graph_params import NODES  # loads all stages
    from fer_ros.parameters.params import specs
    from fer_ros.parameters.params_file import parameters

    shared = [*([graph.composed] if graph.composed else []), *(graph.shared if isinstance(graph, CamerasGraph) else ())]
    for one in graph.cameras.values() if isinstance(graph, CamerasGraph) else (graph,):
        nodes = (*one.nodes, *shared)
        classes = {node.executable: NODES[node.executable] for node in nodes}
        changes = {f"{node.executable}.{name}": value for node in nodes for name, value in node.named.items()
                   if any(spec.name == name for group in classes[node.executable] for spec in specs(group))}
        parameters(classes, [params_file], changes)


def default_params_file() -> Path:
    """config/fer.yaml as installed."""
    return share_directory() / "config" / "fer.yaml"
