"""Make the pictures of the pages: ``python tools/pictures.py``.

``docs/rooms.svg`` is drawn from the list below. ``docs/pictures/up.svg`` and ``status.svg`` are what real commands
wrote to a terminal, on a stack of their own at other ports: the live table of ``up`` in one moment of its way, and
``status`` after a node was killed. Ports and process ids are put into the form of the guide, so that a picture made
again differs in little more than its moment.
"""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
from html import escape
from json import loads
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.segment import Segment
from rich.text import Text

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"
TOOL: Final = (sys.executable, "-m", "ottochain.cli")
OFFSET: Final = 20_000
COLUMNS: Final = 78

# A frame of the live table ends where the cursor goes back to its first line.
_FRAME_END: Final = re.compile(r"\r?(?:\x1b\[2K|\x1b\[1A)+")
_CURSOR: Final = re.compile(r"\x1b\[\?25[hl]")


def main() -> int:
    (DOCS / "rooms.svg").write_text(rooms())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(folder, "init", "--port-offset", str(OFFSET))
        try:
            frame = best_frame(on_terminal(folder, "up"))
            (DOCS / "pictures" / "up.svg").write_text(terminal("./dev up", frame))
            kill(folder, "dl1-1")
            shown = on_terminal(folder, "status")
            (DOCS / "pictures" / "status.svg").write_text(terminal("ottochain status", shown))
        finally:
            run(folder, "down")
    return 0


# What commands write.


def run(folder: Path, *words: str) -> str:
    return subprocess.run([*TOOL, *words], cwd=folder, capture_output=True, text=True, check=True).stdout


def on_terminal(folder: Path, *words: str) -> str:
    """Everything that a command writes to a terminal, as it writes it."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "LINES": "40", "TERM": "xterm-256color"}
    with subprocess.Popen(
        [*TOOL, *words], cwd=folder, env=environment, stdin=follower, stdout=follower, stderr=follower
    ):
        os.close(follower)
        pieces = []
        while True:
            try:
                piece = os.read(leader, 65536)
            except OSError:  # how Linux says that the last writer is gone
                break
            if not piece:
                break
            pieces.append(piece)
    os.close(leader)
    return b"".join(pieces).decode()


def best_frame(written: str) -> str:
    """The frame that shows most: in which the nodes are in the most different states."""
    frames = _FRAME_END.split(_CURSOR.sub("", written))
    return max(frames, key=lambda frame: (len(states(frame)), frame.count(" Ready ")))


def states(frame: str) -> set[str]:
    plain = Text.from_ansi(frame).plain
    return set(re.findall(r"^(?:gl0|ml0|cl1|dl1) +\S+ +((?:\S+ )+)", plain, re.MULTILINE))


def kill(folder: Path, name: str) -> None:
    for node in loads(run(folder, "status", "--json"))["nodes"]:
        if node["node"] == name:
            os.kill(node["pid"], signal.SIGKILL)


def in_the_guides_form(text: str) -> str:
    """Ports as in the guide, process ids counted from 4001 in the order of their appearance."""
    known: dict[str, str] = {}

    def number(digits: re.Match[str]) -> str:
        port = int(digits[0]) - OFFSET
        shown = str(port) if 9000 <= port < 9500 else known.setdefault(digits[0], str(4001 + 11 * len(known)))
        return shown.rjust(len(digits[0]))

    return re.sub(r"(?<![\d.])\d{4,7}(?![\d.])", number, text)


# The pictures.

STYLE: Final = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;font-size:14px"
CHARACTER_WIDTH: Final = 8.43
LINE_HEIGHT: Final = 20
COLOURS: Final = {1: "#ef8783", 2: "#7ec699", 3: "#e5c07b"}
"""Red, green and yellow, by the terminal's numbers."""
PLAIN_COLOUR, DIM_COLOUR = "#d7dde5", "#7d8794"


def terminal(command: str, written: str) -> str:
    """A terminal in which ``command`` was typed and wrote this."""
    text = Text.from_ansi(in_the_guides_form(_CURSOR.sub("", written)).replace("\r", ""))
    lines = [[Segment("$ "), Segment(command)], *Console(width=COLUMNS).render_lines(text, pad=False)]
    while lines and not "".join(segment.text for segment in lines[-1]).strip():
        lines.pop()
    width, height = COLUMNS * CHARACTER_WIDTH + 40, len(lines) * LINE_HEIGHT + 62
    drawn = "\n".join(_line(line, 58 + number * LINE_HEIGHT) for number, line in enumerate(lines))
    dots = "".join(f'<circle cx="{22 + 18 * n}" cy="20" r="5.5" fill="{c}"/>' for n, c in enumerate(_DOTS))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}">\n'
        f"<title>{escape(command)}</title>\n"
        f'<rect width="100%" height="100%" rx="9" fill="#1c2128"/>{dots}\n'
        f'<g style="{STYLE}" xml:space="preserve">\n{drawn}\n</g>\n</svg>\n'
    )


_DOTS: Final = ("#ef6b5f", "#f4bf4f", "#61c654")


def _line(segments: list[Segment], y: int) -> str:
    pieces, column = [], 0
    for segment in segments:
        if segment.text.strip():
            start = len(segment.text) - len(segment.text.lstrip())
            shown = segment.text.strip()
            x = 20 + (column + start) * CHARACTER_WIDTH
            length = len(shown) * CHARACTER_WIDTH
            bold = ' font-weight="bold"' if segment.style and segment.style.bold else ""
            pieces.append(
                f'<text x="{x:.1f}" y="{y}" textLength="{length:.1f}" fill="{_colour(segment)}"{bold}>'
                f"{escape(shown)}</text>"
            )
        column += len(segment.text)
    return "".join(pieces)


def _colour(segment: Segment) -> str:
    style = segment.style
    if style is None:
        return PLAIN_COLOUR
    if style.color is not None and style.color.number in COLOURS:
        return COLOURS[style.color.number]
    return DIM_COLOUR if style.dim else PLAIN_COLOUR


# The rooms: name, what it knows, x, y, width, height, and whose it is.

TOOL_FILL, NODE_FILL, PURE_FILL = "#f8efe0", "#e6eef7", "#edf4e6"
ROOMS: Final = (
    ("cli", ("words in, sentences out",), 40, 50, 350, 66, TOOL_FILL),
    ("ops", ("facts, plans, runtimes, operations",), 40, 130, 350, 66, TOOL_FILL),
    ("client", ("a node's routes, typed",), 40, 210, 350, 66, TOOL_FILL),
    ("node", ("one process: its listeners, its peers,", "the shells of the cores"), 490, 50, 350, 146, NODE_FILL),
    ("store", ("one SQLite file: chain, votes, pools, outbox",), 490, 210, 350, 66, NODE_FILL),
    ("sim", ("the cores on false clocks, networks and disks, seed by seed",), 40, 340, 800, 66, PURE_FILL),
    ("layers", ("what GL0 and ML0 build, and check",), 40, 420, 390, 66, PURE_FILL),
    ("consensus", ("step(state, event) → (state, effects)",), 450, 420, 390, 66, PURE_FILL),
    ("fibers", ("machines, scripts",), 40, 500, 185, 66, PURE_FILL),
    ("ledger", ("balances, transfers",), 245, 500, 185, 66, PURE_FILL),
    ("jlvm", ("JSON logic with gas",), 450, 500, 185, 66, PURE_FILL),
    ("model", ("the chain's nouns",), 655, 500, 185, 66, PURE_FILL),
    ("crypto", ("keys, addresses, proofs, keystores",), 40, 580, 390, 66, PURE_FILL),
    ("codec", ("exact JSON, canonical bytes, hashes",), 450, 580, 390, 66, PURE_FILL),
)  # fmt: skip


def rooms() -> str:
    """The rooms of the code, what may import downwards from the top."""
    boxes = "\n".join(_room(*room) for room in ROOMS)
    listeners = "".join(
        f'<rect x="{x}" y="154" width="76" height="28" rx="14" fill="#fdfcfa" stroke="#b3bfcb"/>'
        f'<text x="{x + 38}" y="173" text-anchor="middle" style="font-size:13px">{name}</text>'
        for name, x in (("public", 506), ("p2p", 594), ("cli", 682))
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 880 680" width="880">
<title>The rooms of the code</title>
<style>
text {{ font-family: ui-sans-serif, system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #3b4a5a; font-size: 14px }}
.name {{ font-weight: 600; font-size: 17px; fill: #17212b }}
.half {{ font-size: 13px; font-weight: 600; letter-spacing: .06em; fill: #66788c }}
.http {{ fill: none; stroke: #4a6079; stroke-width: 1.8; stroke-dasharray: 5 4 }}
.note {{ font-size: 13px; fill: #66788c; font-style: italic }}
</style>
<defs><marker id="tip" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto">
<path d="M0,0 L9,4 L0,8 z" fill="#4a6079"/></marker></defs>
<rect width="880" height="680" fill="#fdfcfa"/>
<text x="40" y="34" class="half">THE TOOL</text><text x="490" y="34" class="half">A NODE</text>
{boxes}
{listeners}
<path d="M390,243 H440 V168 H500" class="http" marker-end="url(#tip)"/>
<text x="400" y="262" class="note">HTTP</text>
<path d="M20,50 V646" stroke="#4a6079" stroke-width="1.4" marker-end="url(#tip)"/>
<text x="14" y="440" class="note" transform="rotate(-90 14 440)">imports</text>
<path d="M40,308 H840" stroke="#9aa8b7" stroke-width="1.2" stroke-dasharray="6 5"/>
<text x="840" y="300" class="note" text-anchor="end">above: files, sockets, clocks</text>
<text x="840" y="326" class="note" text-anchor="end">below: data in, data out</text>
</svg>
"""


def _room(name: str, lines: tuple[str, ...], x: int, y: int, width: int, height: int, fill: str) -> str:
    texts = "".join(f'<text x="{x + 16}" y="{y + 50 + 20 * n}">{escape(line)}</text>' for n, line in enumerate(lines))
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" fill="{fill}" stroke="#b3bfcb"/>'
        f'<text x="{x + 16}" y="{y + 28}" class="name">{name}</text>{texts}'
    )


if __name__ == "__main__":
    sys.exit(main())
