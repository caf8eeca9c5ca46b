"""The documents and their fenced blocks, as a reader sees them."""

import re
from dataclasses import dataclass
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
DOCUMENTS = [TREE / "README.md", TREE / "ARCHITECTURE.md", *sorted((TREE / "docs").glob("*.md"))]

# What a fence may be labelled. `sh` is run; the others are shown. Words for shells that nobody runs are left out on purpose.
RUN = "sh"
SHOWN = {"text", "json", "hcl", "ini", "toml", "yaml", "python", "rust", "go", "js", "java", "xml", "http"}


@dataclass
class Block:
    """A fenced block: its label, the line of its first line (from 1), and its text."""

    label: str
    line: int
    text: str


def name(document: Path) -> str:
    return str(document.relative_to(TREE))


def blocks(document: Path) -> list[Block]:
    """All fenced blocks of a document; a fence that is not closed is an error."""
    found, opened = [], None
    for number, line in enumerate(document.read_text().splitlines(), start=1):
        fence = re.match(r"^(\s*)(```+|~~~+)\s*(.*)$", line)
        if fence and opened is None:
            opened = Block(fence[3].strip(), number + 1, "")
        elif fence:
            found.append(opened)
            opened = None
        elif opened is not None:
            opened.text += line + "\n"
    assert opened is None, f"{name(document)}:{opened.line - 1}: the block is not closed"
    return found


def commands(document: Path) -> list[Block]:
    """The blocks that are run."""
    return [block for block in blocks(document) if block.label == RUN]


def prose(document: Path) -> str:
    """The document without its blocks."""
    return re.sub(r"^(\s*)(```+|~~~+).*?^\1\2\s*$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
