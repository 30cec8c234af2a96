"""The root of the ``ottochain`` command, and the one place where an error becomes words and an exit code."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from ottochain import __version__
from ottochain.cli.lazy import LazyGroup

COMMANDS = {
    "init": ("ottochain.cli.init:init", "Write a deployment that works: file, keys, wallet, genesis."),
    "up": ("ottochain.cli.up:up", "Bring the whole deployment up, or back up, and wait until it is Ready."),
    "down": ("ottochain.cli.down:down", "Stop every node, children first. Nothing is deleted."),
    "start": ("ottochain.cli.restart:start", "Start a node, a layer or the stack, and wait until it is Ready."),
    "stop": ("ottochain.cli.restart:stop", "Stop a node, a layer or the stack, children first. Nothing is deleted."),
    "restart": (
        "ottochain.cli.restart:restart",
        "Restart a node, a layer or the stack, and see that the cluster is what it was.",
    ),
    "node": ("ottochain.cli.node:node", "Let a node join or leave its cluster, or begin anew."),
    "install-service": (
        "ottochain.cli.install_service:install_service",
        "Write the systemd unit that runs `ottochain up` when the machine boots.",
    ),
    "apply": ("ottochain.cli.apply:apply", "Carry out a plan that a verb saved with --out."),
    "operations": (
        "ottochain.cli.operations:operations",
        "Show what was done to the deployment, and go on with what stopped half way.",
    ),
    "lease": ("ottochain.cli.lease:lease", "Show who changes the deployment now, and end what a dead holder left."),
    "status": ("ottochain.cli.status:status", "Show every node and layer as they are now."),
    "health": ("ottochain.cli.health:health", "Check everything: nodes, members, progress, hashes, machine."),
    "explain": ("ottochain.cli.explain:explain", "Say of one node what state it is in, why, and what to do."),
    "ok-to-stop": (
        "ottochain.cli.ok_to_stop:ok_to_stop",
        "Ask whether these may stop together now, and what pauses then.",
    ),
    "versions": ("ottochain.cli.versions:versions", "Compare what each node runs with what it should."),
    "logs": ("ottochain.cli.logs:logs", "Show, or follow, the logs of nodes and layers."),
    "deployment": ("ottochain.cli.deployment:deployment", "Show the deployment with all that is derived."),
    "fiber": ("ottochain.cli.fiber:fiber", "Create, drive, read and simulate state machines."),
    "script": ("ottochain.cli.script:script", "Create, invoke and read scripts."),
    "tx": ("ottochain.cli.tx:tx", "Send tokens, and see what became of them."),
    "wallet": ("ottochain.cli.wallet:wallet", "Make and show wallets, and what they own."),
    "message": ("ottochain.cli.message:message", "Say who owns the metagraph, and from where it stakes."),
    "keys": ("ottochain.cli.keys:keys", "Make, show and export keys, as cl-keytool.jar does."),
    "jlvm": ("ottochain.cli.jlvm:jlvm", "Evaluate JSON logic as OttoChain does, without any network."),
    "version": ("ottochain.cli.version:version", "Show the versions of this tool."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--deployment",
    "file",
    type=click.Path(path_type=Path),
    envvar="OTTOCHAIN_DEPLOYMENT",
    help="The deployment file [default: ottochain.toml here or in a folder above].",
)
@click.version_option(__version__, message="ottochain %(version)s")
@click.pass_context
def root(context: click.Context, file: Path | None) -> None:
    """Run an OttoChain network, operate it, and talk to it."""
    context.obj = file


def main() -> int:
    """Run the command line; gives the exit code of design: 0 done, 1 unexpected, 2 usage, 3 gate, 4 lease, 5 refused,
    6 half way."""
    try:
        result = root.main(prog_name="ottochain", standalone_mode=False)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nottochain: interrupted; the same command goes on from here.", err=True)
        return 130
    except BrokenPipeError:
        # The reader of our output left. Nothing more can be said to it, at exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        # The border: what nobody foresaw is told, not thrown.
        return _tell(error)
    return result if isinstance(result, int) else 0


def _tell(error: Exception) -> int:
    from ottochain.ops.errors import OttochainError

    if isinstance(error, OttochainError):
        click.echo(f"{click.style('ottochain:', fg='red')} {error.what}", err=True)
        if error.next_step:
            click.echo(f"Next: {error.next_step}", err=True)
        return error.exit_code
    if os.environ.get("OTTOCHAIN_TRACEBACK"):
        import traceback

        traceback.print_exception(error)
    click.echo(f"ottochain: an unexpected error, {type(error).__name__}: {error}", err=True)
    click.echo("Next: OTTOCHAIN_TRACEBACK=1 before the same command shows where; please report it.", err=True)
    return 1
