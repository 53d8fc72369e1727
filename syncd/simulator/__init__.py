"""A pretend CompShare that the official SDK cannot tell from the real one, and that misbehaves on demand.

    world = World(seed=1)
    world.add_region("cn-wlcb")
    lab = world.add_account("lab")
    image = world.share("lab", "cn-wlcb", Name="ComfyUI 工作流", Status="Making")
    async with Simulator(world) as sim:
        …  # a client with base_url = sim.url, lab.public_key, lab.private_key
        world.set_status(image, "Available")
        sim.faults.add(Fault("throttled", retry_after=2, times=3))

`python -m syncd.simulator` serves one in a process of its own. It imports nothing of syncd outside this folder.
"""

from syncd.simulator import answer_faults, page_faults, wire_faults  # noqa: F401  (they register their kinds)
from syncd.simulator.accounts import Account
from syncd.simulator.catalogue import lean_fields
from syncd.simulator.faults import KINDS, ActiveFault, Fault, FaultError, Faults
from syncd.simulator.gateway import Gateway
from syncd.simulator.history import History
from syncd.simulator.registry import EVERYWHERE, UnknownError
from syncd.simulator.request_log import Request, RequestLog
from syncd.simulator.server import Simulator
from syncd.simulator.world import PageRead, World

__all__ = [
    "EVERYWHERE",
    "KINDS",
    "Account",
    "ActiveFault",
    "Fault",
    "FaultError",
    "Faults",
    "Gateway",
    "History",
    "PageRead",
    "Request",
    "RequestLog",
    "Simulator",
    "UnknownError",
    "World",
    "lean_fields",
]  # fmt: skip
