"""The systemd unit that brings a deployment up when its machine boots, as text. Pure.

It runs ``ottochain up`` once: that restores order and membership, whatever runs and whatever operation the power cut
off. Nodes have no restart of their own: started one by one, by themselves, they would come back in the wrong order, in
the wrong mode, or not joined. They live on without the unit's command, so the unit must not end what it started.
"""

from __future__ import annotations

from collections.abc import Sequence

from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.schedule import systemd_word

UP_SECONDS_MAX = 900


def unit_name(deployment: Deployment) -> str:
    """The file's name. Two deployments of one machine have two."""
    return f"ottochain-{deployment.name}.service"


def unit(deployment: Deployment, command: Sequence[str], user: str | None) -> str:
    """``command``: the words that run the tool, without any option. ``user``: who runs the nodes, for a unit of the
    system; None for a unit of the user who installs it. Source: systemd.service(5), systemd.unit(5)."""
    words = [*command, "--deployment", str(deployment.places.file)]
    up, down = (" ".join(map(systemd_word, [*words, verb])) for verb in ("up", "down"))
    wanted = "multi-user.target" if user else "default.target"
    network = "Wants=network-online.target\nAfter=network-online.target\n" if user else ""
    return f"""\
[Unit]
Description=OttoChain deployment {deployment.name}
{network}StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
{f"User={user}" + chr(10) if user else ""}WorkingDirectory={deployment.places.file.parent}
ExecStart={up}
ExecStop={down}
# The nodes outlive the command that started them, also when it failed; `down` stops them, children first.
KillMode=process
Restart=on-failure
RestartSec=10
TimeoutStartSec={UP_SECONDS_MAX}
TimeoutStopSec=120

[Install]
WantedBy={wanted}
"""
