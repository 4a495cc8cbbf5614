"""The one description of the graph: which nodes, where, with which parameters and remappings.

The launch files, `fer-ros run` and `fer-ros replay` all start what this says. Needs neither ROS nor launch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fer_ros.media.source_name import is_finite
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
        return [
            shipped,
            *write("tuned", {f"/**/{node.executable}": node.tuned for node in self.nodes}),
            *write("users", told),
            *write("named", {_unused(node.full_name, told): node.named for node in self.nodes}),
            *write("extra", {_unused(node.full_name, told): _beside(node.named, extra(node)) for node in self.nodes}),
        ]


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


def with_named(graph: Graph, named: Mapping[str, Mapping[str, Any]]) -> Graph:
    """A graph whose user has named parameters on the command line.

    Args:
        named: by the full names of nodes; they win over what `graph` says itself.
    """
    def of(node: NodeSpec) -> NodeSpec:
        return replace(node, named={**node.named, **named.get(node.full_name, {})})

    nodes = tuple(map(of, graph.nodes))
    source = next((new for new, old in zip(nodes, graph.nodes, strict=True) if old is graph.source), None)
    return replace(graph, nodes=nodes, source=source, composed=of(graph.composed) if graph.composed else None)


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
    return _graph("camera_node", camera, finite, image, {}, namespace, overlay, more_subscribers, composed, web, privacy,
                  faces, hri, humans_namespace)


def replay_graph(replay: Mapping[str, Any], *, namespace: str = "", overlay: bool = True, more_subscribers: int = 0,
                 composed: bool = True, web: Mapping[str, Any] | None = None, privacy: Privacy = NO_PRIVACY,
                 faces: str = "", hri: bool = False, humans_namespace: str = "") -> Graph:
    """The same with a recorded bag in the camera's place.

    Args:
        replay: parameters of the replay node that its user names (`bag`, `rate`, ...). With its `clock` the other nodes take
            their time from there.
    """
    to_others = {"use_sim_time": True} if replay.get("clock") else {}
    return _graph("replay_node", replay, True, "", to_others, namespace, overlay, more_subscribers, composed, web, privacy,
                  faces, hri, humans_namespace)


def _graph(source: str, named: Mapping[str, Any], finite: bool, image: str, to_others: Mapping[str, Any], namespace: str,
           overlay: bool, more_subscribers: int, composed: bool, web: Mapping[str, Any] | None, privacy: Privacy,
           faces: str, hri: bool, humans_namespace: str) -> Graph:
    prefix = f"/{namespace.strip('/')}" if namespace.strip("/") else ""
    if not re.fullmatch(r"(/[A-Za-z_][A-Za-z0-9_]*)*", prefix):
        raise ValueError(f"'{namespace}' is no ROS namespace: letters, digits and _, not beginning with a digit, parted by /")
    if hri and not privacy.ids:
        raise ValueError("the topics of REP-155 are named by the ids of faces: they cannot be published without ids")
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
    humans = {"humans_namespace": humans_namespace} if humans_namespace else {}
    told = {**privacy.parameters(), HRI_FACES: humans, "hri_node": humans}
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
    if name and not re.fullmatch(r"/?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*", name):
        raise ValueError(f"'{name}' is no ROS topic: letters, digits and _, not beginning with a digit, parted by /")
    return name if name.startswith("/") or not name else f"{prefix}/{name}"


def check_params_file(file: Path, graph: Graph) -> None:
    """Refuse a user's parameter file with entries that have no effect.

    Raises:
        ValueError: see `fer_ros.parameters.params_file.check`.
    """
    if file.absolute() != default_params_file():
        from fer_ros.parameters.params_file import check  # loads all stages

        check(file, graph.prefix)


def default_params_file() -> Path:
    """config/fer.yaml as installed."""
    return share_directory() / "config" / "fer.yaml"
