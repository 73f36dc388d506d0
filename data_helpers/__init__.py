"""Tested helpers for Chunk by Chunk, a textbook on images too big for memory.

The public names of all modules can be imported from here; each module is loaded
when one of its names is first used, so that importing the package stays light.
"""

import lazy_loader

from data_helpers._version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]
