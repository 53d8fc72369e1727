"""The accounts of the pretend cloud, with their keys and projects; all of them follow from a seed."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Account:
    """A key pair and the projects it may name. The id and the projects stay when the keys change."""

    name: str
    account_id: str
    public_key: str
    private_key: str = field(repr=False)
    projects: tuple[str, ...]
    """The ids of its projects; the first is the default."""
    needs_project: bool = False
    """It is a sub-account: a request without ProjectId is refused with 299."""

    def project_rows(self) -> list[dict[str, Any]]:
        """The rows of GetProjectList."""
        return [
            {
                "ProjectId": project,
                "ProjectName": "默认项目" if number == 0 else f"项目 {number}",
                "ParentId": "",
                "ParentName": "",
                "IsDefault": number == 0,
                "CreateTime": 1_735_689_600 + number,
                "MemberCount": 1,
                "ResourceCount": 0,
            }
            for number, project in enumerate(self.projects)
        ]


def new_account(seed: int, name: str, *, projects: int, needs_project: bool) -> Account:
    ids = tuple(f"org-{_digest(seed, name, f'project {number}')[:6]}" for number in range(projects))
    account_id = str(50_000_000 + int(_digest(seed, name, "id")[:6], 16))
    public_key, private_key = new_keys(seed, name, 0)
    return Account(name, account_id, public_key, private_key, ids, needs_project)


def new_keys(seed: int, name: str, generation: int) -> tuple[str, str]:
    """A public and a private key; another pair for each generation."""
    return (
        _key(seed, name, f"public {generation}", 44),
        _key(seed, name, f"private {generation}", 48),
    )


def _digest(seed: int, name: str, use: str) -> str:
    return hashlib.blake2b(f"{seed}\0{name}\0{use}".encode()).hexdigest()


def _key(seed: int, name: str, use: str, length: int) -> str:
    """A key in Base64, whose ``+`` and ``/`` break clients that encode their form carelessly."""
    return base64.b64encode(bytes.fromhex(_digest(seed, name, use))).decode()[:length]
