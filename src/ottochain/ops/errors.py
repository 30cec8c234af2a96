"""What can stop the operator, as a tree. Each says what happened and what to do next, and has its exit code.

OttochainError            1   anything below; by itself: something we did not expect
├── UsageError            2   the words given to the command do not fit
├── GateNotMet            3   what had to be observed was not, in time
├── LeaseHeld             4   another operation is changing this deployment, or was cut off
├── Refused               5   pre-flight: nothing was touched
│   ├── DeploymentInvalid     the deployment file
│   └── Rejected              the network refused a message, with its reason
└── HalfWay               6   stopped half way: `operations resume` goes on
"""

from __future__ import annotations

from typing import ClassVar


class OttochainError(Exception):
    """Something an operator can be told: what happened, and what to do next (may be empty)."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.what}\nNext: {self.next_step}" if self.next_step else self.what


class UsageError(OttochainError):
    """The words given to the command do not fit together."""

    exit_code = 2


class GateNotMet(OttochainError):  # noqa: N818  a gate is not an error of ours
    """What had to be observed before going on was not observed in time."""

    exit_code = 3


class LeaseHeld(OttochainError):  # noqa: N818
    """Another operation holds the deployment's lease, or was cut off and not brought to an end."""

    exit_code = 4


class Refused(OttochainError):  # noqa: N818
    """Refused before anything was touched."""

    exit_code = 5


class DeploymentInvalid(Refused):
    """The deployment file is missing or does not describe a deployment."""


class Rejected(Refused):
    """The network looked at a message and refused it."""


class HalfWay(OttochainError):  # noqa: N818
    """Stopped half way; it can be resumed or aborted."""

    exit_code = 6
