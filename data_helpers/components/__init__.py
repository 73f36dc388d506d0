"""Connected components of an image that is larger than memory, exact whatever the chunks.

- `pieces`: what one chunk holds of objects, and what shows on its faces.
- `merge`: pieces that touch across faces, edges and corners are one object; numbers for all.
- `gather`: merging while chunks come in, for work outside Dask.
- `lazy`: the two passes as one Dask graph. `checks`: what can be labelled at all.
"""

from data_helpers.components.checks import (
    check_connectivity,
    check_mask,
    check_min_size,
    label_dtype,
)
from data_helpers.components.gather import Gathering
from data_helpers.components.lazy import keep_lazily, label_lazily
from data_helpers.components.merge import Joined, Numbering, join, merge, offsets_after
from data_helpers.components.pieces import Pieces, find_pieces, label_block

__all__ = [
    "Gathering",
    "Joined",
    "Numbering",
    "Pieces",
    "check_connectivity",
    "check_mask",
    "check_min_size",
    "find_pieces",
    "join",
    "keep_lazily",
    "label_block",
    "label_dtype",
    "label_lazily",
    "merge",
    "offsets_after",
]
