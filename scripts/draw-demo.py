"""Draw the end of the demo as the README's picture: ``.venv/bin/python scripts/draw-demo.py``.

Runs the demo on a terminal of its own and writes what stands there at the end to ``docs/images/demo.svg``.
"""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 150
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "demo.svg"


def main() -> None:
    """Run the demo and write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        printed = run_on_terminal([sys.executable, "-m", "headrace", "demo"], Path(folder))
    table = printed[printed.rindex("\n", 0, printed.rindex("agreement")) + 1 :]
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text("$ make demo\n", "bold"), Text.from_ansi(table), sep="")
    drawn = console.export_svg(title="make demo")
    # The picture brings no fonts from elsewhere.
    PICTURE.write_text(re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL), encoding="utf-8")


def run_on_terminal(command: list[str], folder: Path) -> str:
    """Run a command on a pseudo-terminal; give what it printed."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(WIDTH), "LINES": "50", "TERM": "xterm-256color"}
    process = subprocess.Popen(command, cwd=folder, stdout=theirs, stderr=theirs, env=environment)  # noqa: S603 our own
    os.close(theirs)
    chunks = []
    while True:
        try:
            chunk = os.read(ours, 65_536)
        except OSError:
            break
        if not chunk:
            break
        chunks.append(chunk)
    process.wait()
    return b"".join(chunks).decode().replace("\r\n", "\n")


if __name__ == "__main__":
    main()
