"""Who is who: an identity for functions, parameters and arrays that survives the process.

A run may only be continued by the same work. Two works are the same when their identities, plain
dictionaries fit for JSON, are equal.
"""

import functools
import hashlib
import inspect
import sys
import sysconfig
import types
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from data_helpers.jobs.arrays import ZarrArray, local_directory, location

__all__ = ["differences", "identity_of"]


def identity_of(value: Any, *, contents: bool = True, _seen: tuple[int, ...] = ()) -> Any:
    """Describe a value so that an equal description means the same work.

    Functions are described by name and compiled code (comments and line numbers do not count),
    with their defaults, the variables they close over and the global values they use; arrays by
    place, shape, dtype and chunks, and by a fingerprint of what they hold; objects by their class
    and attributes.

    Parameters
    ----------
    value
        Anything a job is made of.
    contents
        Whether what an array holds is part of its identity. It is for an input, not for an output.

    Returns
    -------
    dict, list, str, number or None
        Something `json` can write.

    Examples
    --------
    >>> identity_of(np.invert)["name"]
    'numpy.invert'
    >>> identity_of(functools.partial(pow, 2))["arguments"]
    [2]
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return repr(float(value))  # as text, so that NaN equals NaN
    if id(value) in _seen:
        return "itself"
    inner = functools.partial(identity_of, contents=contents, _seen=(*_seen, id(value)))
    if isinstance(value, zarr.Array):
        return _zarr_identity(value, contents)
    if isinstance(value, np.ndarray):
        held = {"sha256": _sha256(np.ascontiguousarray(value).data)} if contents else {}
        return {"array": "numpy", "shape": list(value.shape), "dtype": str(value.dtype), **held}
    if isinstance(value, list | tuple | set | frozenset):
        items = [inner(item) for item in value]
        return sorted(items, key=str) if isinstance(value, set | frozenset) else items
    if isinstance(value, dict):
        return {str(key): inner(item) for key, item in value.items()}
    if isinstance(value, functools.partial):
        parts = (("partial", value.func), ("arguments", value.args), ("keywords", value.keywords))
        return {name: inner(part) for name, part in parts}
    if isinstance(value, types.MethodType):
        return {"method": inner(value.__func__), "of": inner(value.__self__)}
    if isinstance(value, types.FunctionType) and not _installed(value.__code__.co_filename):
        return _function_identity(value, inner)
    return _object_identity(value, inner)


def differences(found: Any, expected: Any, path: str = "") -> list[str]:
    """List where two identities differ, one line per place with both sides.

    Parameters
    ----------
    found, expected
        Two results of `identity_of`.
    path
        What to call the values themselves.

    Returns
    -------
    list of str
        One line per difference; none when they are equal.

    Examples
    --------
    >>> differences({"shape": [4, 4]}, {"shape": [4, 8]})
    ['shape: [4, 4] instead of [4, 8]']
    """
    if found == expected:
        return []
    if isinstance(found, dict) and isinstance(expected, dict):
        return [
            line
            for key in dict.fromkeys([*expected, *found])
            for line in differences(
                found.get(key), expected.get(key), f"{path}.{key}" if path else key
            )
        ]
    return [f"{path}: {found} instead of {expected}"]


def _zarr_identity(array: ZarrArray, contents: bool) -> dict[str, Any]:
    """Place and layout of a Zarr array, and, for an input, a fingerprint of its stored bytes."""
    directory = local_directory(array)
    place = location(array)
    assert place is not None
    return {
        "array": f"zarr {array.metadata.zarr_format}",
        # Only the process that made it knows an array in memory.
        "place": "memory" if place[0].startswith("memory") else ": ".join(place),
        "shape": list(array.shape),
        "dtype": str(array.dtype),
        "chunks": list(array.chunks),
        "shards": list(array.shards) if array.shards else None,
        "codecs": _sha256(repr((array.filters, array.compressors)).encode()),
        **({"files": _files_fingerprint(directory)} if contents and directory else {}),
    }


def _files_fingerprint(directory: Path) -> str:
    """Hash names, sizes and times of all files below a directory: cheap, and changes with them."""
    entries = []
    for folder in sorted([directory, *(p for p in directory.rglob("*") if p.is_dir())]):
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.suffix != ".partial":
                stat = path.stat()
                entries.append((str(path.relative_to(directory)), stat.st_size, stat.st_mtime_ns))
    return _sha256(repr(entries).encode())


def _function_identity(function: types.FunctionType, inner: Any) -> dict[str, Any]:
    """Name and code of a function, and all values that it uses without being given them."""
    used = inspect.getclosurevars(function)
    names = {**used.globals, **used.nonlocals}
    return {
        "name": f"{function.__module__}.{function.__qualname__}",
        "code": _code_hash(function.__code__),
        "defaults": inner([function.__defaults__, function.__kwdefaults__]),
        "uses": {name: inner(value) for name, value in sorted(names.items())},
    }


def _installed(filename: str) -> bool:
    """Tell whether a file belongs to Python or an installed package, whose version says enough."""
    return any(filename.startswith(sysconfig.get_path(name)) for name in ("stdlib", "platlib"))


def _code_hash(code: types.CodeType) -> str:
    """Hash what a function does: its instructions, constants and names, not where it stands."""
    constants = [_constant_text(constant) for constant in code.co_consts]
    parts = (code.co_code.hex(), constants, code.co_names, code.co_varnames, code.co_freevars)
    return _sha256(repr(parts).encode())


def _constant_text(constant: Any) -> str:
    """Text of a constant in compiled code, the same in every process."""
    if isinstance(constant, types.CodeType):
        return _code_hash(constant)
    if isinstance(constant, frozenset):
        return repr(sorted(map(repr, constant)))
    return repr(constant)


def _object_identity(value: Any, inner: Any) -> dict[str, Any]:
    """Name and version of what a package provides; class and attributes of anything else."""
    kind = type(value)
    if kind.__module__.startswith("dask."):
        return {"array": "dask", "name": getattr(value, "name", str(value))}
    if wrapped := getattr(value, "__wrapped__", getattr(value, "py_func", None)):
        return {"class": f"{kind.__module__}.{kind.__qualname__}", "of": inner(wrapped)}
    if hasattr(value, "__name__"):
        return _name_and_version(value)
    identity: dict[str, Any] = {"class": f"{kind.__module__}.{kind.__qualname__}"}
    if callable(value) and isinstance(kind.__call__, types.FunctionType):
        identity["code"] = _code_hash(kind.__call__.__code__)
    state = getattr(value, "__dict__", None)
    # Without attributes to look at, what it looks like has to do.
    return {**identity, **({"attributes": inner(state)} if state else {"text": str(value)})}


def _name_and_version(value: Any) -> dict[str, Any]:
    """Full name of a module, class or compiled function, and the version of its package."""
    if isinstance(value, types.ModuleType):
        name = value.__name__
    else:
        # NumPy's universal functions do not know their module.
        module = getattr(value, "__module__", None) or "numpy"
        name = f"{module}.{getattr(value, '__qualname__', value.__name__)}"
    package = sys.modules.get(name.partition(".")[0])
    return {"name": name, "version": str(getattr(package, "__version__", None))}


def _sha256(data: Any) -> str:
    """Short hash of bytes."""
    return hashlib.sha256(data).hexdigest()[:16]
