"""What the documents say is run, and held against the tree."""

import re
import subprocess
import tomllib

import documents
import pytest
from documents import DOCUMENTS, TREE, blocks, commands, name, prose
from shell import Desk, binary

# The page of the benches shows how to measure, which takes minutes and a quiet machine.
NOT_RUN = {TREE / "docs/benchmarks.md"}
COMMANDS = [document for document in DOCUMENTS if commands(document) and document not in NOT_RUN]


@pytest.mark.parametrize("document", COMMANDS, ids=name)
def test_every_command_of_a_document_works(document, tmp_path):
    desk = Desk(tmp_path)
    desk.start()
    try:
        desk.run(document)
    finally:
        desk.stop()
    assert "panicked" not in (tmp_path / "broker.err").read_text()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_no_command_appends_to_what_its_reader_has(document):
    """Whoever follows a document a second time would have it twice: two profiles of one name, which the AWS CLI refuses to read."""
    for block in commands(document):
        found = re.findall(r">>\s*[\"']?(?:~|\$HOME|\$\{HOME|/etc)\S*", block.text)
        assert not found, f"{name(document)}:{block.line}: {found}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_block_says_whether_it_is_run(document):
    for block in blocks(document):
        where = f"{name(document)}:{block.line - 1}"
        assert block.label == documents.RUN or block.label in documents.SHOWN, f"{where}: a block of `{block.label}` is not run"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_within_the_tree_leads_somewhere(document):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            file = (document.parent / path).resolve() if path else document
            assert file.exists(), f"{name(document)}: {target}"
            assert not anchor or anchor in anchors(file), f"{name(document)}: {target}: there is no such heading"


def anchors(document) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_file_that_is_named_exists(document):
    for path in re.findall(r"`((?:src|tests|config|certs|fuzz|benches|docs|\.ci)/[\w./-]*)`", prose(document)):
        assert (TREE / path).exists(), f"{name(document)} names {path}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_command_of_brevet_that_is_named_exists(document):
    known = subcommands()
    code = [block.text for block in blocks(document)] + re.findall(r"`([^`\n]+)`", prose(document))
    named = [found for text in code for found in re.findall(r"(?:^|\W)brevet ([a-z][\w-]*)(?: ([a-z][\w-]*))?", text)]
    for first, second in named:
        assert first in known, f"{name(document)}: brevet {first}"
        assert not known[first] or not second or second in known[first], f"{name(document)}: brevet {first} {second}"


def subcommands() -> dict[str, set[str]]:
    return {command: of_help(command) for command in of_help()}


def of_help(*command: str) -> set[str]:
    told = subprocess.run([binary(), *command, "--help"], capture_output=True, text=True, check=True, timeout=60).stdout
    listed = told.partition("Commands:\n")[2].partition("\n\n")[0]
    return {line.split()[0] for line in listed.splitlines() if re.match(r"^  \w", line)} - {"help"}


def test_the_table_of_settings_is_the_sample_file():
    sample = (TREE / "config/brevet.toml").read_text()
    settings = {}
    for section, body in re.findall(r"^\[(\w+)\]\n(.*?)(?=^\[|\Z)", sample, re.MULTILINE | re.DOTALL):
        for hidden, line in re.findall(r"^(# )?(\w+ = .+)$", body, re.MULTILINE):
            (key, value), = tomllib.loads(line).items()
            settings[f"{section}.{key}"] = None if hidden else value
    chapter = (TREE / "docs/operating.md").read_text().partition("\n## Settings\n")[2].partition("\n## ")[0]
    table = re.findall(r"^\| `(\w+\.\w+)` \| (.+?) \|", chapter, re.MULTILINE)
    told = {key: None if default == "none" else tomllib.loads(f"v = {default.strip('`')}")["v"] for key, default in table}
    assert told == settings
    assert [key for key, _ in table] == list(settings), "the order of the sample is the order of the table"


def test_the_table_of_metrics_is_the_list_of_names():
    source = (TREE / "src/telemetry.rs").read_text()
    names = re.findall(r'const \w+: &str = "(brevet_\w+)"', source)
    assert re.findall(r"^\| `(brevet_\w+)` \|", (TREE / "docs/operating.md").read_text(), re.MULTILINE) == names


def test_the_table_of_alerts_is_the_file_of_rules():
    rules = re.findall(r"^\s+- alert: (\w+)$", (TREE / "config/alerts.yml").read_text(), re.MULTILINE)
    assert re.findall(r"^\| `(Brevet\w+)` \|", (TREE / "docs/operating.md").read_text(), re.MULTILINE) == rules


def test_the_table_of_errors_has_every_code_of_the_doors():
    source = (TREE / "src/ops/fault.rs").read_text() + (TREE / "src/http/aws.rs").read_text()
    codes = set(re.findall(r'of_(?:sender|receiver)\(\s*"(\w+)"', source)) | {"MissingParameter", "InvalidAction"}
    told = set(re.findall(r"^\| `(\w+)` \|", (TREE / "docs/errors.md").read_text(), re.MULTILINE))
    assert told == codes


def test_no_document_names_a_machine():
    for document in DOCUMENTS:
        for wrong in ("/work/", "/root/", "/home/"):
            assert wrong not in document.read_text(), f"{name(document)} names {wrong}"
