"""docs/simulator.md says what the simulator does.

``python -m tests.docs.test_simulator_doc`` prints its table of faults anew.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from syncd.simulator import KINDS, Fault
from syncd.simulator.control import DEEDS
from syncd.simulator.faults import SUBJECTS, FaultKind

PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"


def table() -> str:
    rows = [
        f"| `{kind.name}` | {_strikes(kind)} | {_parameters(kind)} | {_does(kind)} |"
        for kind in KINDS.values()
    ]
    return "\n".join(["| fault | strikes | parameters | what happens |", "|---|---|---|---|", *rows])


def _strikes(kind: FaultKind) -> str:
    return "any" if kind.on == SUBJECTS else ", ".join(kind.on)


def _parameters(kind: FaultKind) -> str:
    return ", ".join(f"`{name}` {json.dumps(value)}" for name, value in kind.parameters.items()).replace(
        "null", "none"
    )


def _does(kind: FaultKind) -> str:
    return kind.summary.replace("``", "`")


def test_the_table_of_faults_is_the_registry() -> None:
    assert table() in PAGE.read_text()


def test_the_orders_are_all_there() -> None:
    text = PAGE.read_text()
    for method, name in DEEDS:
        assert f"`{method} {name}`" in text or not name, name


@pytest.mark.parametrize("call", re.findall(r"Fault\(.*?\)(?=\)|$)", PAGE.read_text(), re.MULTILINE))
def test_every_fault_in_the_examples_can_be(call: str) -> None:
    assert isinstance(eval(call, {"Fault": Fault}), Fault)


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
