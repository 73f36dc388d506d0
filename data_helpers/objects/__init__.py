"""Objects that cross chunk borders: labelled, cleaned, split, measured and compared, exactly.

- `labels`: connected components, in memory, lazily, or from Zarr to Zarr.
- `tables`: objects that are large enough, and consecutive numbers. `holes`: what objects enclose.
- `measure`: one row per object. `match`: how well objects agree with a reference.
- `split`: what touches, taken apart by a `watershed`, each object whole in its chunk and halo;
  `depth`: how deep the halo must be.
- `walk`, `values`: one question to every chunk; which labels a block holds.
"""

from data_helpers.objects.depth import depth_needed
from data_helpers.objects.holes import fill_holes
from data_helpers.objects.labels import label, label_zarr
from data_helpers.objects.match import match_objects, overlaps
from data_helpers.objects.measure import measure
from data_helpers.objects.split import split_touching
from data_helpers.objects.tables import remove_small_objects, renumber

__all__ = [
    "depth_needed",
    "fill_holes",
    "label",
    "label_zarr",
    "match_objects",
    "measure",
    "overlaps",
    "remove_small_objects",
    "renumber",
    "split_touching",
]
