"""Wrong answers to the exercises on OME-Zarr."""

from wrong_answers.common import Planted

PLANTED: list[Planted] = []
