"""A health check on a schedule: the systemd timer, or the line for cron, as text. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ottochain.ops.inventory.deployment import Deployment

Form = Literal["systemd", "cron"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Files by name, and what makes them work once they are where they belong."""

    files: dict[str, str]
    next_step: str


def health_schedule(deployment: Deployment, command: Sequence[str], minutes: int, form: Form) -> Schedule:
    """``command``: the words that run the tool, without any option. ``minutes``: from one look to the next, 1 to 59."""
    words = [*command, "--deployment", str(deployment.places.file), "health", "--quiet"]
    name = f"ottochain-health-{deployment.name}"
    if form == "cron":
        # In a crontab a percent sign ends the command.
        line = f"*/{minutes} * * * * {shlex.join(words).replace('%', chr(92) + '%')} >/dev/null 2>&1\n"
        return Schedule({f"{name}.cron": line}, f"(crontab -l; cat {name}.cron) | crontab -")
    service = f"""\
[Unit]
Description=Health of the OttoChain deployment {deployment.name}

[Service]
Type=oneshot
ExecStart={" ".join(map(systemd_word, words))}
Nice=10
TimeoutStartSec=60
"""
    timer = f"""\
[Unit]
Description=Looks at the health of the OttoChain deployment {deployment.name} each {minutes} min

[Timer]
OnBootSec=1min
OnUnitActiveSec={minutes}min
AccuracySec=10s

[Install]
WantedBy=timers.target
"""
    files = {f"{name}.service": service, f"{name}.timer": timer}
    return Schedule(files, f"systemctl --user daemon-reload && systemctl --user enable --now {name}.timer")


def systemd_word(word: str) -> str:
    """A word of ``ExecStart=``: ``%`` and ``$`` begin specifiers and variables (systemd.service(5))."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return escaped if re.fullmatch(r"[\w@%+=:,./$-]+", escaped) else f'"{escaped}"'
