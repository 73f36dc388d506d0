"""Chapter 01, storage: what lies on disk, and what a reader has to touch.

Four ideas, one file each: files and their sizes, codecs, the inside of a TIFF, and an
object store that keeps a log of what was asked of it.
"""

from data_helpers.storage.codecs import compare_codecs
from data_helpers.storage.files import directory_tree, get_directory_contents, stored_bytes
from data_helpers.storage.server import ObjectServer, Request
from data_helpers.storage.tiff import TiffPage, read_tiff_region, tiff_pages

__all__ = [
    "ObjectServer",
    "Request",
    "TiffPage",
    "compare_codecs",
    "directory_tree",
    "get_directory_contents",
    "read_tiff_region",
    "stored_bytes",
    "tiff_pages",
]
