"""The house rules: one stem per chapter, imports point one way, importing stays light."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from conftest import ROOT, require

PACKAGE = ROOT / "data_helpers"
CHAPTERS = sorted(path.stem for path in (ROOT / "book").glob("[0-9][0-9]_*.md"))

# The order in which chapter modules may import one another: only what comes before.
ORDER = [
    "storage",
    "stitching",
    "chunking",
    "ome_zarr",
    "processing",
    "dask_operations",
    "rasters",
    "objects",
    "scaling",
    "viewing",
]
# The engine room and the data stand below the chapters.
BELOW: dict[str, set[str]] = {
    "_version": set(),
    "grid": set(),
    "samples": {"phantoms"},  # a phantom stands in for the heart
    "phantoms": set(),
    "jobs": {"grid"},
    "components": {"grid", "jobs"},
}
LEAVES = {"plotting", "checks", "machine", "__main__"}
HEAVY = ["dask.distributed", "distributed", "rasterio", "geopandas", "tensorstore", "numba"]


def rooms() -> list[str]:
    """The modules and packages directly inside `data_helpers`."""
    files = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    return sorted(files | {path.parent.name for path in PACKAGE.glob("*/__init__.py")})


def allowed(room: str) -> set[str]:
    """What a room may import of ours, besides itself."""
    if room in BELOW:
        return BELOW[room]
    if room in LEAVES:
        return set(rooms()) - {"__main__"}
    before = ORDER[: ORDER.index(room)]
    return {*BELOW, *before}


def sources(room: str) -> list[Path]:
    """The source files of a room."""
    single = PACKAGE / f"{room}.py"
    return [single] if single.exists() else sorted((PACKAGE / room).rglob("*.py"))


def imported_rooms(path: Path) -> set[str]:
    """The rooms of ours that a source file imports, wherever in the file."""
    here = ("data_helpers", *path.relative_to(PACKAGE).with_suffix("").parts)
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            # `from . import x` in a package's module starts from the module's parent
            start = ".".join(here[: len(here) - node.level]) + "." if node.level else ""
            base = (start + (node.module or "")).rstrip(".")
            found |= {f"{base}.{alias.name}" for alias in node.names}
    parts = [name.split(".") for name in found]
    return {names[1] for names in parts if names[0] == "data_helpers" and len(names) > 1}


def modules() -> Iterator[ModuleType]:
    """Every module of the package, imported."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if parts[-1] not in {"__main__", "_version"}:
            yield importlib.import_module(name)


def tracked() -> list[str]:
    """The files in git."""
    require((ROOT / ".git").exists(), "this is not a git checkout")
    shown = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return shown.stdout.splitlines()


@pytest.mark.parametrize("room", rooms())
def test_every_room_has_its_place_in_the_order(room: str) -> None:
    assert room in {*BELOW, *ORDER, *LEAVES}, f"{room}: say in test_layout.py where it stands"


@pytest.mark.slow
@pytest.mark.parametrize("room", rooms())
def test_imports_point_one_way(room: str) -> None:
    public = {"__getattr__"}  # nothing may import the package itself for its names
    for path in sources(room):
        found = imported_rooms(path) - {room, "_version"}
        assert found - public <= allowed(room), f"{path.name} imports {sorted(found)}"


@pytest.mark.parametrize("room", [room for room in rooms() if room not in {"_version", "__main__"}])
def test_every_room_is_proven_by_tests_of_its_name(room: str) -> None:
    assert (ROOT / "tests" / f"test_{room}.py").exists()


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_has_its_module_exercises_checks_and_tests(chapter: str) -> None:
    stem = chapter[3:]
    assert stem == ORDER[int(chapter[:2]) - 1], "the chapter's number is its place in the order"
    assert sources(stem), f"data_helpers has no module {stem}"
    assert (ROOT / "tests" / f"test_{stem}.py").exists()
    assert (ROOT / "exercises" / f"{chapter}.md").exists()
    assert (PACKAGE / "checks" / f"{stem}.py").exists()


def test_the_table_of_contents_lists_every_page_once_and_nothing_else() -> None:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    listed = re.findall(r"'(?:file|root)': '([^']+)'", str(toc))
    pages = [*(ROOT / "book").rglob("*.md"), *(ROOT / "exercises").glob("*.md")]
    names = [path.relative_to(ROOT).with_suffix("").as_posix() for path in pages]
    names = [name for name in names if ".ipynb_checkpoints" not in name]
    assert sorted(listed) == sorted(names)


def test_no_page_is_a_placeholder() -> None:
    for path in (ROOT / "book").rglob("*.md"):
        assert len(path.read_text(encoding="utf-8").split()) > 60, f"{path.name} says too little"


@pytest.mark.slow
def test_importing_the_package_loads_nothing_heavy() -> None:
    names = [f"data_helpers.{room}" for room in rooms() if room != "__main__"]
    code = f"""
import importlib, sys
import data_helpers
ours = {{name for name in sys.modules if name.startswith("data_helpers.")}}
assert ours == {{"data_helpers._version"}}, ours
for name in {names}:
    importlib.import_module(name)
print([name for name in {HEAVY} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_every_module_says_what_is_public() -> None:
    for module in modules():
        if module.__name__ == "data_helpers":
            continue
        assert hasattr(module, "__all__"), f"{module.__name__} has no __all__"
        missing = [name for name in module.__all__ if not hasattr(module, name)]
        assert not missing, f"{module.__name__}.__all__ names {missing}, which are not there"


def test_everything_public_has_a_docstring() -> None:
    for module in modules():
        assert module.__doc__, module.__name__
        for name in getattr(module, "__all__", []):
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                assert thing.__doc__, f"{module.__name__}.{name}"
                members = vars(thing).items() if inspect.isclass(thing) else ()
                bare = [key for key, value in members if _undocumented(key, value)]
                assert not bare, f"{module.__name__}.{name}: {bare} have no docstring"


def _undocumented(name: str, member: object) -> bool:
    """Whether a public method or property has no docstring."""
    callable_member = isinstance(member, (property, classmethod, staticmethod))
    public = not name.startswith("_") and (callable_member or inspect.isfunction(member))
    return public and not inspect.getdoc(member)


def test_the_public_names_of_the_package_are_those_of_its_modules() -> None:
    package = importlib.import_module("data_helpers")
    for name in package.__all__:
        assert getattr(package, name) is not None
    known = {name for module in modules() for name in getattr(module, "__all__", [])}
    assert set(package.__all__) - {"__version__"} <= known


def test_no_products_data_or_large_files_are_in_git() -> None:
    files = tracked()
    products = [
        name for name in files if re.search(r"\.(ipynb|tiff?|npz?|h5)$|\.zarr/|^_build/", name)
    ]
    assert not products
    total = sum((ROOT / name).stat().st_size for name in files if (ROOT / name).exists())
    assert total < 5_000_000, f"the repository holds {total / 1e6:.1f} MB"
