"""The documentation is complete, says what the code says, and its links lead somewhere."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import pytest

from analyzer.cli.main import VERBS
from analyzer.findings import rules
from analyzer.model.rows import Call

TOP = Path(__file__).resolve().parents[2]
DOCS = TOP / ".docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if path.name != "safety.words.md")


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


def test_the_generated_pages_are_what_the_code_says(generate: ModuleType) -> None:
    old = [name for name, make in generate.PAGES.items() if (DOCS / name).read_text() != make()]
    assert old == [], "run: python .docs/generate.py"


def test_every_verb_rule_table_and_column_is_there(generate: ModuleType) -> None:
    """What the generator walks over is all that there is."""
    verbs, rules_, tables = ((DOCS / "reference" / name).read_text() for name in ("verbs.md", "rules.md", "tables.md"))
    assert re.findall(r"^## (\S+)$", verbs, re.MULTILINE) == list(VERBS)
    assert re.findall(r"^## (\S+)$", rules_, re.MULTILINE) == [one.rule.code for one in rules()]
    from analyzer.report.exports import KNOWN

    assert set(KNOWN) <= set(re.findall(r"^## (\S+)$", tables, re.MULTILINE))
    for table, row in generate.TABLES.items():
        part = tables.split(f"\n## {table}\n")[1].split("\n## ")[0]
        assert re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE) == list(row.__annotations__), table


def test_a_column_without_words_is_refused(generate: ModuleType) -> None:
    known = tomllib.loads((DOCS / "columns.toml").read_text())
    del known["calls"]["ok"]
    with pytest.raises(generate.Undocumented, match=r"calls\.ok has no sentence"):
        list(generate.column_words("calls", Call, known))
    known["calls"]["ok"] = "x"
    known["calls"]["nonsense"] = "x"
    with pytest.raises(generate.Undocumented, match="nonsense"):
        list(generate.column_words("calls", Call, known))


def links(path: Path) -> Iterator[str]:
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", text)


def anchors(path: Path) -> set[str]:
    """Return the names of a page's headings as GitHub makes them."""
    out = set()
    for heading in re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE):
        out.add(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-"))
    return out


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / unquote(name)).resolve() if name else page
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), link


def test_every_page_can_be_reached() -> None:
    seen: set[Path] = set()
    todo = [DOCS / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen or DOCS not in page.parents:
            continue
        seen.add(page)
        todo += [(page.parent / link.partition("#")[0]).resolve() for link in links(page) if link.partition("#")[0].endswith(".md")]
    assert set(PAGES) <= seen


@pytest.mark.parametrize("page", [*PAGES, DOCS / "safety.words.md"], ids=lambda path: str(path.relative_to(DOCS)))
def test_lines_of_prose_are_not_long(page: Path) -> None:
    long = [
        line
        for line in page.read_text().splitlines()
        if len(line) > 155 and not line.startswith("|") and "Generated" not in page.read_text()
    ]
    assert long == []


def test_commands_in_the_pages_are_the_programs_own() -> None:
    """Each `analyzer VERB --option` that a page shows is one."""
    import click

    from analyzer.cli.main import cli

    for page in PAGES:
        for line in re.findall(
            r"\banalyzer ((?:[a-z]+ )?[^`\n|]*)", "\n".join(re.findall(r"`[^`\n]+`|^(?:sudo )?analyzer .*$", page.read_text(), re.M))
        ):
            verb, *_ = line.split(" ", 1)
            if verb not in VERBS:
                verb = "report"
            command = cli.get_command(click.Context(cli), verb)
            assert command is not None
            known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)} | {"--help"}
            assert set(re.findall(r"(?<=\s)--[a-z0-9][a-z0-9-]*", line)) <= known, (page.name, line)


def test_every_dependency_is_listed_with_its_bound_and_licence() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    rows = {
        cells[0] if len(cells) == 4 else cells[1]: cells
        for line in (DOCS / "dependencies.md").read_text().splitlines()
        if line.startswith("|") and "---" not in line
        for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
    }
    wanted = list(project["dependencies"])
    wanted += [
        line for extra in ("parquet", "metrics", "otlp", "plot", "batch", "notebook") for line in project["optional-dependencies"][extra]
    ]
    for line in wanted:
        if line.startswith(project["name"]):
            continue
        name, bound = re.split(r">=", line.split(";")[0].strip())
        assert name in rows, name
        assert bound in rows[name], (name, rows[name])
    extras = set(project["optional-dependencies"]) - {"test", "dev", "fuzz"}
    assert {cells[0].strip("`") for cells in rows.values() if len(cells) == 5} >= extras


def test_vendored_files_have_their_notices() -> None:
    folder = TOP / "analyzer" / "report" / "page" / "vendored"
    shipped = {path.name for path in folder.iterdir()}
    text = (DOCS / "dependencies.md").read_text()
    for name in shipped:
        assert name in text, name
    assert {"LICENSE", "LICENSE-d3", "NOTICE"} <= shipped
    patterns = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["license-files"]
    named = {path for pattern in patterns for path in TOP.glob(pattern)}
    assert {path for path in folder.iterdir() if path.suffix != ".js"} <= named
    foreign = list((TOP / "analyzer").rglob("*.min.*"))
    assert [path.parent for path in foreign] == [folder] * len(foreign), "vendored files stand with their licences"
