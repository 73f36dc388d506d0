"""How numbers, units and axes are written on figures."""

from collections.abc import Sequence

__all__ = ["axis_names", "bytes_scale", "bytes_text", "times", "unit_text"]

TIMES = "\N{MULTIPLICATION SIGN}"

SHORT_UNITS = {
    "angstrom": "Å",
    "nanometer": "nm",
    "micrometer": "µm",
    "micron": "µm",
    "um": "µm",
    "millimeter": "mm",
    "centimeter": "cm",
    "meter": "m",
    "second": "s",
    "millisecond": "ms",
}
BYTE_PREFIXES = ("B", "kB", "MB", "GB", "TB", "PB")


def unit_text(unit: str) -> str:
    """Shorten the name of a unit.

    Examples
    --------
    >>> unit_text("micrometer"), unit_text("parsec")
    ('µm', 'parsec')
    """
    return SHORT_UNITS.get(unit.lower(), unit)


def times(lengths: Sequence[object]) -> str:
    """Write a shape or a size.

    Examples
    --------
    >>> times((60, 256, 256))
    '60 × 256 × 256'
    """
    return f" {TIMES} ".join(str(length) for length in lengths)


def bytes_scale(count: float) -> tuple[float, str]:
    """Find the largest decimal unit that a number of bytes reaches, and its size in bytes.

    Examples
    --------
    >>> bytes_scale(2_500_000)
    (1000000.0, 'MB')
    """
    power = 0
    while power + 1 < len(BYTE_PREFIXES) and count >= 1000.0 ** (power + 1):
        power += 1
    return 1000.0**power, BYTE_PREFIXES[power]


def bytes_text(count: float) -> str:
    """Write a number of bytes for people, with three digits.

    Examples
    --------
    >>> bytes_text(999), bytes_text(1530), bytes_text(188_743_680_000)
    ('999 B', '1.53 kB', '189 GB')
    """
    scale, unit = bytes_scale(count)
    return f"{count / scale:.3g} {unit}"


def axis_names(axes: Sequence[str] | None, dimensions: int) -> tuple[str, ...]:
    """Names of all axes: those given, else the last ones of t, c, z, y, x.

    Examples
    --------
    >>> axis_names(None, 3), axis_names("xyz", 3)
    (('z', 'y', 'x'), ('x', 'y', 'z'))
    """
    if axes is None:
        return tuple("tczyx"[5 - dimensions :])
    if len(axes) != dimensions:
        raise ValueError(
            f"axes {tuple(axes)} names {len(axes)} axes, but there are {dimensions}; "
            "give one name per axis"
        )
    return tuple(axes)
