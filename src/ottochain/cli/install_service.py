"""``ottochain install-service``."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

import click

from ottochain.cli.context import load_deployment
from ottochain.cli.output import say, show

USER_FOLDER = Path("~/.config/systemd/user")
SYSTEM_FOLDER = Path("/etc/systemd/system")


@click.command(name="install-service")
@click.option("--system", is_flag=True, help="A unit of the system, which starts at boot without anybody logged in.")
@click.option("--print", "only_print", is_flag=True, help="Print the unit; write nothing.")
@click.option("--into", "folder", type=click.Path(file_okay=False, path_type=Path), help="Write it into this folder.")
@click.pass_context
def install_service(context: click.Context, system: bool, only_print: bool, folder: Path | None) -> None:
    """Write the systemd unit that runs `ottochain up` when the machine boots.

    `up` restores order and membership, whatever runs and whatever operation was cut off. The unit is written and
    checked, not enabled: the command that does that is said.
    """
    from ottochain.ops.boot_service import unit, unit_name
    from ottochain.ops.files import write_durably
    from ottochain.ops.runtimes.host import unit_faults

    deployment = load_deployment(context)
    text = unit(deployment, (sys.executable, "-m", "ottochain.cli"), getpass.getuser() if system else None)
    if only_print:
        show(text.rstrip())
        return
    file = (folder or (SYSTEM_FOLDER if system else USER_FOLDER.expanduser())).absolute() / unit_name(deployment)
    try:
        write_durably(file, text.encode())
    except PermissionError:
        from ottochain.ops.errors import Refused

        raise Refused(
            f"{file.parent} may not be written by {getpass.getuser()}.",
            next_step="the same with --print, and put the text there as root; or without --system.",
        ) from None
    show(str(file))
    for fault in unit_faults(file):
        say(f"systemd says: {fault}")
    how = "systemctl" if system else "systemctl --user"
    linger = "" if system else f" && loginctl enable-linger {getpass.getuser()}"
    say(f"Next: {how} daemon-reload && {how} enable {file.name}{linger}")
