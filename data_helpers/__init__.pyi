# The public names, and where they live. Read by `__init__.py` at import and by type checkers.
__version__: str

# grid
from .grid import aligned as aligned
from .grid import chunk_borders as chunk_borders
from .grid import chunk_slices as chunk_slices
from .grid import expand as expand
from .grid import grid_shape as grid_shape
from .grid import index_bounds as index_bounds
from .grid import index_shape as index_shape
