"""The checks of the machine below the nodes: disk, memory, descriptors, clock, backup. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ottochain.ops.checks.finding import Finding, bytes_in_words, names, seconds_in_words
from ottochain.ops.facts.health import HealthFacts, MachineFacts
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.launch import LOOPBACK

MACHINE: Final = "machine"
DISK_FREE_LEAST: Final = 1_000_000_000
DISK_USED_NOTED: Final = 0.9
"""Disks of laptops live above this; of servers they are about to fill."""
MEMORY_LEAST: Final = 500_000_000
FILES_SHARE_MAX: Final = 0.8
BACKUP_SECONDS_NOTED: Final = 7 * 86_400.0


def check_machine(deployment: Deployment, facts: HealthFacts) -> list[Finding]:
    """Everything about the machine, and what an operator owes to it."""
    machine = facts.machine
    return [
        disk_has_room(machine),
        memory_suffices(machine),
        files_suffice(machine),
        clock_is_right(deployment, machine),
        *backup_is_young(facts.backup_seconds),
        *nobody_changes_it(facts.operation),
    ]


def disk_has_room(machine: MachineFacts) -> Finding:
    """A node whose disk is full stops accepting: it never loses what it acknowledged, and takes nothing new."""
    if machine.disk_free is None or not machine.disk_total:
        return Finding("disk", MACHINE, "unknown", "the free space could not be read")
    used = 1 - machine.disk_free / machine.disk_total
    said = f"{bytes_in_words(machine.disk_free)} free, {used:.0%} used"
    if machine.disk_free < DISK_FREE_LEAST:
        least = bytes_in_words(DISK_FREE_LEAST)
        return Finding("disk", MACHINE, "degraded", f"{said}; at least {least} is wanted", "make room on the disk")
    return Finding("disk", MACHINE, "note" if used > DISK_USED_NOTED else "ok", said)


def memory_suffices(machine: MachineFacts) -> Finding:
    """From the triage of the deployment guide: less than 500 MB available means that the next burst may kill a node."""
    if machine.memory is None:
        return Finding("memory", MACHINE, "unknown", "the free memory could not be read")
    said = f"{bytes_in_words(machine.memory.available)} of {bytes_in_words(machine.memory.total)} available"
    if machine.resident:
        largest = max(machine.resident, key=lambda name: machine.resident[name])
        said += f"; the largest node is {largest} with {bytes_in_words(machine.resident[largest])}"
    if machine.memory.available < MEMORY_LEAST:
        return Finding("memory", MACHINE, "degraded", said, "end other programs, or give the machine more memory")
    if machine.memory.swap_used:
        said += f"; {bytes_in_words(machine.memory.swap_used)} swapped out"
        return Finding("memory", MACHINE, "note", said)
    return Finding("memory", MACHINE, "ok", said)


def files_suffice(machine: MachineFacts) -> Finding:
    """A node without a free descriptor refuses clients and peers."""
    if not machine.files:
        return Finding("files", MACHINE, "note", "no running node whose descriptors could be counted")
    crowded = [name for name, (used, limit) in machine.files.items() if used > limit * FILES_SHARE_MAX]
    shown = crowded or [max(machine.files, key=lambda name: machine.files[name][0] / machine.files[name][1])]
    said = names([f"{name} {machine.files[name][0]} of {machine.files[name][1]}" for name in shown])
    if crowded:
        return Finding("files", MACHINE, "degraded", f"descriptors run out: {said}", "raise the limit: ulimit -n")
    return Finding("files", MACHINE, "ok", f"at most {said} open")


def clock_is_right(deployment: Deployment, machine: MachineFacts) -> Finding:
    """Nodes of one machine share its clock, right or wrong; those of several must agree."""
    alone = deployment.host in LOOPBACK
    match machine.clock_kept:
        case True:
            return Finding("clock", MACHINE, "ok", "the kernel says it is kept right")
        case None:
            return Finding("clock", MACHINE, "note", "whether it is kept right can't be asked here")
    said = "the kernel says that nobody keeps it right"
    if alone:
        return Finding("clock", MACHINE, "note", f"{said}; all nodes share this one clock")
    return Finding("clock", MACHINE, "degraded", said, "start a time service: chrony, ntpd or systemd-timesyncd")


def backup_is_young(age_seconds: float | None) -> Iterable[Finding]:
    """Told, and no reason to call a network degraded: it works as well without one."""
    if age_seconds is None:
        yield Finding("backup", MACHINE, "note", "no backup was ever made")
    elif age_seconds > BACKUP_SECONDS_NOTED:
        yield Finding("backup", MACHINE, "note", f"the newest is {seconds_in_words(age_seconds)} old")
    else:
        yield Finding("backup", MACHINE, "ok", f"the newest is {seconds_in_words(age_seconds)} old")


def nobody_changes_it(operation: str | None) -> Iterable[Finding]:
    """What looks wrong while an operation is at work may be its doing."""
    if operation:
        yield Finding("operation", MACHINE, "note", f"{operation} is at work")
