# Copyright 2026 The dseg_ros authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The lifecycle that all nodes share; each one fills in what it builds, hears and does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Thread
import time
from typing import Any, Generic, TypeVar

from dseg_ros.config.nodes import NodeConfig
from dseg_ros.config.sync import MotionConfig, SyncConfig
from dseg_ros.nodes.diagnostics import Diagnostics
from dseg_ros.nodes.inputs import Feed, Hub, Kind, Shared
from dseg_ros.nodes.pairing import Pairing, pairing_health
from dseg_ros.nodes.parameters import declare, guard, read
from dseg_ros.nodes.transforms import Track, Transforms
from dseg_ros.nodes.troubles import Troubles
from dseg_ros.nodes.worker import Worker
from lifecycle_msgs.srv import ChangeState
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile

C = TypeVar('C', bound=NodeConfig)
T = TypeVar('T')

SAY_S = 5.0


class Surroundings:
    """What the nodes of one process share: subscriptions and transforms."""

    def __init__(self, node: Node) -> None:
        """
        Set up on a node.

        :param node: who owns them.
        """
        self.hub = Hub(node)
        self.transforms = Transforms(node)


class Shell(LifecycleNode, Generic[C]):
    """
    A lifecycle node around a core object.

    To fill in: `build` (configure), `attend` (activate: what to subscribe to), `warm_up`, `step`
    (the work, in the worker's thread), `retire` (deactivate), `release` (cleanup).
    """

    def __init__(self, name: str, kind: type[C], shared: Surroundings | None = None) -> None:
        """
        Declare the parameters; all else waits for configure.

        :param name: of the node.
        :param kind: its configuration.
        :param shared: of the process; None = the node is alone in it.
        :raises ConfigError: for parameters that cannot be used.
        """
        super().__init__(name)
        service = self._service_change_state
        service.callback = partial(self._on_change_state, service.callback)
        self._kind = kind
        self.config: C = declare(self, kind)
        guard(self, kind, lambda: self.state == 'unconfigured')
        self.shared = shared or Surroundings(self)
        self.troubles = Troubles(self)
        self.diagnostics = Diagnostics(self)
        self.diagnostics.add('errors', self.troubles.health)
        self.worker = Worker(name, self._step, lambda error: self._failed('work', error))
        self._outputs: list[Publisher] = []
        self._feeds: list[Feed[Any]] = []
        self._tracks: list[Track] = []

    # --- to fill in -------------------------------------------------------------------------

    def build(self) -> None:
        """Load or build what the work needs; called in a thread of its own."""

    def attend(self) -> None:
        """Subscribe, with `listen`."""

    def warm_up(self) -> None:
        """Do the work once on something made up, so that the first frame is not slow."""

    def step(self) -> float | None:
        """Do what there is to do; return after how many seconds to be called again anyway."""
        return None

    def retire(self) -> None:
        """Finish what is under way; called after the last step."""

    def release(self) -> None:
        """Free what `build` made."""

    # --- for the nodes ----------------------------------------------------------------------

    @property
    def state(self) -> str:
        """Name of the lifecycle state."""
        return str(self._state_machine.current_state[1])

    def output(self, message: type[Any], name: str, qos: QoSProfile) -> Publisher:
        """Create a publisher that lives until cleanup."""
        publisher = self.create_lifecycle_publisher(message, name, qos)
        self._outputs.append(publisher)
        return publisher

    def listen(self, name: str, kind: Kind[T], listener: Callable[[Shared[T]], None]) -> Feed[T]:
        """Subscribe through the process's hub until deactivation."""
        feed = self.shared.hub.subscribe(self, name, kind, listener, who=self)
        self._feeds.append(feed)
        return feed

    def unlisten(self, feed: Feed[Any]) -> None:
        """End one subscription early."""
        if feed in self._feeds:
            self._feeds.remove(feed)
            self.shared.hub.unsubscribe(feed, who=self)

    def pairing(self, sync: SyncConfig, motion: MotionConfig, cameras: tuple[str, ...]) -> Pairing:
        """Begin to match clouds with images, until deactivation."""
        track = self.shared.transforms.track(motion)
        self._tracks.append(track)
        pairing = Pairing(sync, motion, cameras, track, self.troubles)
        self.diagnostics.add('synchronisation', partial(pairing_health, pairing))
        return pairing

    # --- the lifecycle ----------------------------------------------------------------------

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Read the parameters anew and build."""
        def configure() -> None:
            self.config = read(self, self._kind)
            self._in_thread(self.build)

        return self._transition('configure', configure, self._release)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Warm up, begin to work, subscribe."""
        def activate() -> None:
            self.warm_up()
            super(Shell, self).on_activate(state)
            self.attend()
            self.worker.start()

        return self._transition('activate', activate, self._deactivate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe and finish the work at hand."""
        return self._transition('deactivate', self._deactivate, lambda: None)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything."""
        return self._transition('cleanup', self._release, lambda: None)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """End from whatever state."""
        return self._transition('shutdown', self.end, lambda: None)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Return to unconfigured after a transition that went wrong."""
        return self._transition('error processing', self.end, lambda: None)

    def end(self) -> None:
        """Stop and free everything; safe in any state and without ROS."""
        self._deactivate()
        self._release()

    def _on_change_state(self, change: Callable[[Any, Any], Any], request: ChangeState.Request,
                         response: ChangeState.Response) -> ChangeState.Response:
        """Refuse a transition that the state does not have; rclpy raises and so ends the node."""
        try:
            return change(request, response)
        except RuntimeError as error:
            wanted = request.transition.label or request.transition.id
            self.get_logger().warning(f'no transition {wanted!r} from state {self.state}: {error}')
            response.success = False
            return response

    def _transition(self, name: str, do: Callable[[], None],
                    undo: Callable[[], None]) -> TransitionCallbackReturn:
        try:
            do()
        except Exception as error:  # rclpy would swallow it
            self._failed(name, error)
            undo()
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS

    def _failed(self, where: str, error: Exception) -> None:
        if self.context.ok():  # a publish in the moment of shutdown is no trouble
            self.troubles.add(where, error)

    def _step(self) -> float | None:
        return self.step()

    def _deactivate(self) -> None:
        if self.worker.stop():  # first, since it may subscribe to more
            self.retire()
        for feed in list(self._feeds):
            self.unlisten(feed)
        for track in self._tracks:
            self.shared.transforms.leave(track)
        self._tracks.clear()
        super().on_deactivate(LifecycleState('active', 3))

    def _release(self) -> None:
        self.release()
        for publisher in self._outputs:
            self.destroy_lifecycle_publisher(publisher)
        self._outputs.clear()

    def _in_thread(self, work: Callable[[], None]) -> None:
        """Run something that may take minutes, saying so, and leave it at a shutdown."""
        errors: list[Exception] = []

        def run() -> None:
            try:
                work()
            except Exception as error:
                errors.append(error)

        thread = Thread(target=run, name=f'{self.get_name()}-build', daemon=True)
        thread.start()
        said_s = time.monotonic()
        while thread.is_alive() and self.context.ok():
            thread.join(0.1)
            if time.monotonic() - said_s > SAY_S:
                said_s = time.monotonic()
                self.get_logger().info('still building ...')
        if errors:
            raise errors[0]
