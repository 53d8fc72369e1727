"""The configuration that `python -m syncd.simulator` prints, with comments that say how to change the world."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from syncd.simulator.accounts import Account
from syncd.simulator.world import World

INTERVAL = "10s"


def config_toml(world: World, url: str) -> str:
    """A complete config.toml of syncd for this simulator, with a database of its own so that no real one is touched."""
    database = Path(tempfile.gettempdir()) / f"syncd-simulator-{url.rpartition(':')[2]}.db"
    parts = [
        _hints(world, url),
        f"[database]\npath = {_text(str(database))}\n",
        f'[schedule]\ninterval = "{INTERVAL}"\n',
        f"[api]\nbase_url = {_text(url)}\n",
        *(_account(account, world.regions) for account in world.accounts),
        '[sinks.events]\ntype = "log"\n',
    ]
    return "\n".join(parts)


def _account(account: Account, regions: tuple[str, ...]) -> str:
    listed = ", ".join(_text(region) for region in regions)
    return (
        f"[accounts.{account.name}]\n"
        f"public_key = {_text(account.public_key)}\n"
        f"private_key = {_text(account.private_key)}\n"
        f"regions = [{listed}]\n"
    )


def _hints(world: World, url: str) -> str:
    """Comments with curl commands that can be pasted as they are."""
    name, region = world.accounts[0].name, world.regions[0]
    ids = world.share_list(name, region).ids()
    image = ids[0] if ids else "IMAGE_ID"
    deeds = [
        (
            "share a new image",
            "share",
            {"account": name, "region": region, "fields": {"Name": "新镜像", "Status": "Making"}},
        ),
        ("change a status", "status", {"image": image, "status": "Offline"}),
        ("rename", "rename", {"image": image, "name": "改名 renamed"}),
        ("take an image away", "unshare", {"account": name, "image": image}),
        ("take everything away", "blank", {"region": region}),
        ("misbehave", "faults", {"fault": "throttled", "retry_after": 2, "region": region, "times": 5}),
    ]
    lines = [
        "# syncd's configuration for the pretend CompShare (its keys are pretend too).",
        "# Save it as simulator.toml and run:  syncd run --config simulator.toml",
        "#",
        *(
            f"# {what}:\n#   curl {url}/_control/{path} -d '{json.dumps(body, ensure_ascii=False)}'"
            for what, path, body in deeds
        ),
        f"# behave again:\n#   curl -X DELETE {url}/_control/faults",
        f"# who is shown what, which faults there are, what was asked:\n"
        f"#   curl {url}/_control/state  …/images?account={name}&region={region}  …/kinds  …/requests",
    ]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """A TOML basic string: JSON's escapes are TOML's too."""
    return json.dumps(value, ensure_ascii=False)
