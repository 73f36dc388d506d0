r"""A volume on a flat page: isometric projection, and the faces of a box cut into cells.

::

              z         x runs right and down, z right and up (away from you), y straight down,
        ___ /           so the face towards you on the left is the slice z = 0 as it is shown
       /   /|           by `plot_slice`.
      /___/ |
    | |   | /           Positions are always given in the order z, y, x.
    y |___|/
        \_ x
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from math import sqrt

__all__ = ["BACK", "FRONT", "Point", "face_cells", "project"]

Point = tuple[float, float]

ACROSS, UP = sqrt(3) / 2, 0.5  # cosine and sine of 30 degrees

# The faces one sees, and those behind: the axis that is constant, and which end of it.
FRONT = ((0, 0), (2, -1), (1, 0))  # z = 0, x = end, y = 0
BACK = ((0, -1), (2, 0), (1, -1))  # z = end, x = 0, y = end


def project(z: float, y: float, x: float) -> Point:
    """Place a position of the volume on the page.

    Examples
    --------
    >>> project(z=0, y=3, x=0)
    (0.0, -3.0)
    >>> across, up = project(z=0, y=0, x=2)
    >>> round(across, 2), up
    (1.73, -1.0)
    """
    return (ACROSS * (x + z), UP * (z - x) - y)


def face_cells(
    borders: Sequence[Sequence[float]], axis: int, end: int
) -> Iterator[tuple[tuple[int, ...], list[Point]]]:
    """Go through the cells on one face of a box.

    Parameters
    ----------
    borders
        Borders of the cells along z, y and x.
    axis, end
        The face: the axis that is constant on it, and which end of it (0 or -1).

    Returns
    -------
    iterator of (tuple of int, list of points)
        Position of the cell in the grid of cells, and its four corners on the page.
    """
    places = [range(len(along) - 1) for along in borders]
    places[axis] = range(1) if end == 0 else range(len(borders[axis]) - 2, len(borders[axis]) - 1)
    for cell in product(*places):
        spans = [list(pairwise(along))[place] for along, place in zip(borders, cell, strict=True)]
        spans[axis] = (borders[axis][end],) * 2
        yield cell, _corners(spans, axis)


def _corners(spans: Sequence[tuple[float, float]], axis: int) -> list[Point]:
    """Find the corners of a cell that has no extent along one axis, in order around it."""
    first, second = (other for other in range(3) if other != axis)
    around = []
    for far_1, far_2 in ((0, 0), (1, 0), (1, 1), (0, 1)):
        place = [span[0] for span in spans]
        place[first], place[second] = spans[first][far_1], spans[second][far_2]
        around.append(project(*place))
    return around
