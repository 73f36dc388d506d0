"""Wrong answers to the exercises on storage."""

import json
from collections.abc import Callable
from itertools import product
from math import prod

import numpy as np

from data_helpers import chunking, storage
from wrong_answers.common import RULES, Planted, requested

# 01.1


def prediction(in_memory: object, as_float: object, planes: object) -> dict[str, object]:
    return {
        "bytes in memory": in_memory,
        "bytes as float64": as_float,
        "planes in 1 MiB": planes,
    }


# 01.2


def whole_file(file, offset, shape, dtype, z):
    data = file.read()[offset : offset + prod(shape) * dtype.itemsize]
    return np.frombuffer(data, dtype).reshape(shape)[z]


def offset_forgotten(file, offset, shape, dtype, z):
    nbytes = prod(shape[1:]) * dtype.itemsize
    file.seek(z * nbytes)
    return np.frombuffer(file.read(nbytes), dtype).reshape(shape[1:])


def plane_before(file, offset, shape, dtype, z):
    nbytes = prod(shape[1:]) * dtype.itemsize
    file.seek(offset + (z - 1) * nbytes)
    return np.frombuffer(file.read(nbytes), dtype).reshape(shape[1:])


def own_byte_order(file, offset, shape, dtype, z):
    nbytes = prod(shape[1:]) * dtype.itemsize
    file.seek(offset + z * nbytes)
    return np.frombuffer(file.read(nbytes), dtype.newbyteorder("<")).reshape(shape[1:])


def values_not_bytes(file, offset, shape, dtype, z):
    nbytes = prod(shape[1:]) * dtype.itemsize
    file.seek(offset + z * prod(shape[1:]))
    return np.frombuffer(file.read(nbytes), dtype).reshape(shape[1:])


def not_reshaped(file, offset, shape, dtype, z):
    nbytes = prod(shape[1:]) * dtype.itemsize
    file.seek(offset + z * nbytes)
    return np.frombuffer(file.read(nbytes), dtype)


def transposed_plane(file, offset, shape, dtype, z):
    nbytes = prod(shape[1:]) * dtype.itemsize
    file.seek(offset + z * nbytes)
    return np.frombuffer(file.read(nbytes), dtype).reshape(shape[1:]).T


def converted(file, offset, shape, dtype, z):
    nbytes = prod(shape[1:]) * dtype.itemsize
    file.seek(offset + z * nbytes)
    return np.frombuffer(file.read(nbytes), dtype).reshape(shape[1:]).astype(float)


# 01.3


def bytes_by(rule: str) -> Callable[..., int]:
    count = RULES[rule]

    def bytes_to_read(region, chunks, dtype):
        return count(region, chunks) * prod(chunks) * dtype.itemsize

    return bytes_to_read


# 01.4


def by_largest(image):
    for bits in (8, 16, 32, 64):
        if image.max() <= np.iinfo(f"uint{bits}").max:
            return np.dtype(f"uint{bits}")
    return None


def limit_left_out(image):
    signed = "" if image.min() < 0 else "u"
    for bits in (8, 16, 32, 64):
        limits = np.iinfo(f"{signed}int{bits}")
        if limits.min <= image.min() and image.max() < limits.max:
            return np.dtype(f"{signed}int{bits}")
    return None


def always_signed(image):
    for bits in (8, 16, 32, 64):
        limits = np.iinfo(f"int{bits}")
        if limits.min <= image.min() and image.max() <= limits.max:
            return np.dtype(f"int{bits}")
    return None


# 01.5


def rounded_down(image, max_error):
    step = 2 * max_error + 1
    return image // step * step


def wraps(image, max_error):
    step = 2 * max_error + 1
    return image // step * step + np.asarray(max_error, image.dtype)


def small_step(image, max_error):
    step = max_error + 1
    return image // step * step


def wide_step(image, max_error):
    step = 4 * max_error + 1
    middle = image.astype("int64") // step * step + 2 * max_error
    return np.minimum(middle, np.iinfo(image.dtype).max).astype(image.dtype)


def left_wide(image, max_error):
    step = 2 * max_error + 1
    return np.minimum(image.astype("int64") // step * step + max_error, np.iinfo(image.dtype).max)


def in_place(image, max_error):
    image -= image % np.asarray(2 * max_error + 1, image.dtype)
    return image


# 01.6


def top_only(path):
    return sum(file.stat().st_size for file in path.glob("*") if file.is_file())


def not_hidden(path):
    files = (file for file in path.rglob("*") if not file.name.startswith("."))
    return sum(file.stat().st_size for file in files if file.is_file())


def with_directories(path):
    return sum(file.stat().st_size for file in path.rglob("*"))


def number_of_files(path):
    return len(storage.get_directory_contents(path))


# 01.7


def write_whole(file, image, chunks):
    header = json.dumps({"dtype": image.dtype.str, "shape": image.shape, "chunks": chunks}).encode()
    file.write(len(header).to_bytes(8, "little") + header + image.tobytes())


def read_from_whole(file, index):
    length = int.from_bytes(file.read(8), "little")
    header = json.loads(file.read(length))
    image = np.frombuffer(file.read(), header["dtype"]).reshape(header["shape"])
    part = tuple(slice(i * n, i * n + n) for i, n in zip(index, header["chunks"], strict=True))
    return image[part]


def write_padded(file, image, chunks):
    grid_shape = [-(-n // size) for n, size in zip(image.shape, chunks, strict=True)]
    header = json.dumps({"dtype": image.dtype.str, "grid": grid_shape, "chunks": chunks}).encode()
    file.write(len(header).to_bytes(8, "little") + header)
    padded = np.pad(image, [(0, -n % size) for n, size in zip(image.shape, chunks, strict=True)])
    for index in product(*map(range, grid_shape)):
        part = tuple(slice(i * n, i * n + n) for i, n in zip(index, chunks, strict=True))
        file.write(padded[part].tobytes())


def read_padded(file, index):
    length = int.from_bytes(file.read(8), "little")
    header = json.loads(file.read(length))
    nbytes = prod(header["chunks"]) * np.dtype(header["dtype"]).itemsize
    place = int(np.ravel_multi_index(index, header["grid"]))
    file.seek(8 + length + place * nbytes)
    return np.frombuffer(file.read(nbytes), header["dtype"]).reshape(header["chunks"])


def write_nothing(file, image, chunks):
    pass


PLANTED = [
    Planted("01.1", prediction(60 * 256 * 256, 31457280, 8), "number of voxels"),
    Planted("01.1", prediction(7864320 * 8, 31457280, 8), "A byte has 8"),
    Planted("01.1", prediction(7.86, 31457280, 8), "MB or MiB"),
    Planted("01.1", prediction(7864320, 7864320 * 2, 8), "float32"),
    Planted("01.1", prediction(7864320, 31457280, 7), "1 MiB is 2**20"),
    Planted("01.1", prediction(7864320, 31457280, 16), "more than one byte"),
    Planted("01.1", prediction(7864320, None, None), "still `None`"),
    Planted("01.1", prediction("many", 1, 1), "a str; expected a number"),
    Planted("01.1", 7864320, "Keep the keys"),
    Planted("01.2", whole_file, "reads too much"),
    Planted("01.2", offset_forgotten, "`offset` is counted in bytes"),
    Planted("01.2", plane_before, "counted from 0"),
    Planted("01.2", own_byte_order, "wrong order"),
    Planted("01.2", values_not_bytes, "from another place"),
    Planted("01.2", not_reshaped, "shape"),
    Planted("01.2", transposed_plane, "transpose"),
    Planted("01.2", converted, "has dtype float64"),
    Planted("01.2", lambda *args: None, "end with `return"),
    Planted("01.3", bytes_by("by length"), "Where a region starts matters"),
    Planted("01.3", bytes_by("one less"), "One chunk too few"),
    Planted("01.3", bytes_by("one more"), "One chunk too many"),
    Planted("01.3", lambda r, c, d: requested(r) * d.itemsize, "compressed as a whole"),
    Planted("01.3", lambda r, c, d: len(chunking.chunks_touched(r, c)), "number of chunks"),
    Planted("01.3", lambda r, c, d: RULES["right"](r, c) * prod(c), "Those are voxels"),
    Planted("01.3", lambda r, c, d: bytes_by("right")(r, c, d) / 1, "Count with integers"),
    Planted("01.3", lambda r, c, d: 1048576, "looks hard-coded"),
    Planted("01.3", lambda r, c, d: print(r), "end with `return"),
    Planted("01.4", by_largest, "holds nothing below 0"),
    Planted("01.4", limit_left_out, "limits count"),
    Planted("01.4", always_signed, "reaches twice as far"),
    Planted("01.4", lambda image: np.dtype("uint8"), "looks hard-coded"),
    Planted("01.4", lambda image: image.dtype, "looks hard-coded"),
    Planted(
        "01.4", lambda image: np.dtype(f"float{32 + 32 * (image[0, 0] % 2)}"), "integer dtypes"
    ),
    Planted("01.4", lambda image: image.max(), "expected a dtype"),
    Planted("01.4", lambda image: None, "expected a dtype"),
    Planted("01.5", rounded_down, "rounding to the middle"),
    Planted("01.5", wraps, "It wrapped around"),
    Planted("01.5", small_step, "are enough"),
    Planted("01.5", wide_step, "rounding to the middle"),
    Planted("01.5", left_wide, "larger dtype takes more room"),
    Planted("01.5", in_place, "changes its input"),
    Planted("01.5", lambda image, max_error: image, "are enough"),
    Planted("01.5", lambda image, max_error: np.zeros_like(image), "may be at most"),
    Planted("01.6", top_only, "Chunks lie deeper"),
    Planted("01.6", not_hidden, "begins with a dot"),
    Planted("01.6", with_directories, "Count files only"),
    Planted("01.6", number_of_files, "That is the number of files"),
    Planted("01.6", lambda path: 4096, "looks hard-coded"),
    Planted("01.7", (write_whole, read_from_whole), "reads too much"),
    Planted("01.7", (write_padded, read_padded), "part that lies inside the array"),
    Planted("01.7", (write_nothing, read_padded), "wrote nothing"),
    Planted("01.7", write_padded, "two functions"),
    Planted("01.7", [write_padded, 3], "as a pair"),
]
