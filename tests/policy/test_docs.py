"""What the pages promise is there, and what is there has its page."""

import re
from functools import cache
from pathlib import Path

import pytest

from include.settings import PROJECT_ROOT
from tests.policy.source import CODE, sources

LINK = re.compile(r"\]\(([^)\s]+)\)")
# "docs/runbooks/x.md, 'The heading'", as error messages and docstrings say it.
REFERENCE = re.compile(r"(docs/[\w/-]+\.md)(?:, ['\"]([^'\"]+)['\"])?")
MART_HEAD = ("mart", "grain", "binds", "rerun")

PAGES = sorted(
    path
    for path in (*PROJECT_ROOT.glob("*.md"), *(PROJECT_ROOT / "docs").rglob("*.md"))
    if ".venv" not in path.parts
)
COMMANDS = sorted(
    path.stem.replace("_", "-")
    for path in (PROJECT_ROOT / "stack" / "commands").glob("*.py")
    if path.stem != "__init__"
)
MARTS = sorted((PROJECT_ROOT / "sql" / "marts").glob("*.sql"))


def read(name: str) -> str:
    return (PROJECT_ROOT / name).read_text(encoding="utf-8")


def place(path: Path) -> str:
    return path.relative_to(PROJECT_ROOT).as_posix()


@cache
def headings(page: Path) -> frozenset[str]:
    """The headings of a page; a `#` in a code block is none."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return frozenset(re.findall(r"^#+ +(.+?) *$", prose, re.MULTILINE))


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def has_content(path: Path) -> bool:
    """A file, or a folder with something in it: git keeps no empty one."""
    return path.is_file() or (path.is_dir() and any(path.iterdir()))


def trouble_with(link: str, page: Path) -> str | None:
    target, _, section = link.partition("#")
    path = page.parent / target if target else page
    if not has_content(path):
        return f"{place(page)}: link to {link}: there is no such file, or the folder is empty"
    if section and path.suffix == ".md" and section not in map(anchor, headings(path)):
        return f"{place(page)}: link to {link}: {place(path.resolve())} has no such heading"
    return None


@pytest.mark.parametrize("page", PAGES, ids=place)
def test_links_lead_somewhere(page: Path) -> None:
    """Correct the link, or write what it promises."""
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    dead = list(filter(None, (trouble_with(link, page) for link in links)))
    assert not dead, "\n".join(dead)


def test_what_messages_refer_to_is_written() -> None:
    """Somebody reads that message at night: the page and the section it names must be there."""
    dead = []
    for source in sources(*CODE):
        for line, text in source.texts():
            for name, section in REFERENCE.findall(text):
                page = PROJECT_ROOT / name
                if not page.is_file():
                    dead.append(f"{source.place}:{line} refers to {name}, which is not there")
                elif section and section not in headings(page):
                    dead.append(f"{source.place}:{line} refers to '{section}', no heading of {name}")
    assert not dead, "\n".join(dead)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_on_a_page_and_in_make(command: str) -> None:
    """A command nobody can find is no command: README.md or CONTRIBUTING.md, and a target in the Makefile."""
    named = re.compile(rf"`{command}`|saleslake {command}\b|make {command}\b")
    assert named.search(read("README.md") + read("CONTRIBUTING.md")), (
        f"`saleslake {command}` stands neither in README.md nor in CONTRIBUTING.md: say there what it is for"
    )
    assert re.search(rf"^{command}:.*## \S", read("Makefile"), re.MULTILINE), (
        f"Makefile: no target `{command}:` with a `## explanation`, which bare `make` prints"
    )


def test_pages_and_make_name_existing_commands() -> None:
    """A command that was renamed is renamed everywhere."""
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES) + read("Makefile")
    named = set(
        re.findall(r"(?:`|bin/|\$\(SALESLAKE\) )saleslake ([a-z][\w-]+)|\$\(SALESLAKE\) ([\w-]+)", text)
    )
    gone = {a or b for a, b in named} - set(COMMANDS)
    assert not gone, f"pages or Makefile name `saleslake` commands that stack/commands/ lacks: {sorted(gone)}"


@pytest.mark.parametrize("path", MARTS, ids=place)
def test_a_mart_says_what_it_is(path: Path) -> None:
    """mart, grain, binds, rerun: the four lines at the head of the file."""
    lines = path.read_text(encoding="utf-8").splitlines()[: len(MART_HEAD)]
    wanted = [rf"-- {key}: +\S" for key in MART_HEAD]
    wrong = [
        key
        for key, pattern, line in zip(MART_HEAD, wanted, lines, strict=True)
        if not re.match(pattern, line)
    ]
    assert not wrong, (
        f"{place(path)}: its first lines must be `-- mart:`, grain, binds, rerun; wrong: {wrong}"
    )
    name = lines[0].split(":")[1].strip()
    assert name == f"marts.{path.stem}", (
        f"{place(path)}: says it makes {name}; rename the file or correct the head"
    )


def test_every_dag_has_a_runbook() -> None:
    """The page its red box leads to; and no page outlives its DAG."""
    dags = {path.stem for path in (PROJECT_ROOT / "dags").glob("*.py")}
    runbooks = {path.stem for path in (PROJECT_ROOT / "docs" / "runbooks").glob("*.md")}
    assert dags <= runbooks, f"docs/runbooks/ lacks pages for {sorted(dags - runbooks)}"
