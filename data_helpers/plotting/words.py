"""How numbers, units and axes are written on figures."""

from collections.abc import Sequence

__all__ = ["axis_names", "number_text", "times", "unit_scale", "unit_text", "value_text"]

TIMES = "\N{MULTIPLICATION SIGN}"
THIN_SPACE = "\N{THIN SPACE}"

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
PREFIXED = {
    "B": [(1000.0**power, f"{prefix}B") for power, prefix in enumerate(["", *"kMGTP"])],
    "s": [(1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s")],
}


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


def unit_scale(value: float, unit: str) -> tuple[float, str]:
    """Find the prefix that fits a value: how much of the unit it stands for, and how it is written.

    Examples
    --------
    >>> unit_scale(2_500_000, "B"), unit_scale(0.02, "s"), unit_scale(3, "voxels")
    ((1000000.0, 'MB'), (0.001, 'ms'), (1.0, 'voxels'))
    """
    steps = PREFIXED.get(unit)
    if steps is None:
        return 1.0, TIMES if unit == "x" else unit
    fitting = [step for step in steps if value >= step[0]]
    return fitting[-1] if fitting else steps[0]


def number_text(value: float) -> str:
    r"""Write a number with three digits, or all digits before the point.

    Examples
    --------
    >>> number_text(0.12345), number_text(2.0), number_text(12345.6)
    ('0.123', '2', '12\u2009346')
    """
    if abs(value) >= 100:
        return f"{value:,.0f}".replace(",", THIN_SPACE)
    return f"{value:.3g}"


def value_text(value: float, unit: str) -> str:
    """Write a value with its unit, bytes and seconds with the prefix that fits.

    Examples
    --------
    >>> value_text(999, "B"), value_text(1530, "B"), value_text(188_743_680_000, "B")
    ('999 B', '1.53 kB', '189 GB')
    >>> value_text(0.02, "s"), value_text(2.4, "%"), value_text(7, "")
    ('20 ms', '2.4 %', '7')
    """
    factor, written = unit_scale(value, unit)
    return f"{number_text(value / factor)} {written}".strip()


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
