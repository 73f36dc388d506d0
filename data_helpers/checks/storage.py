"""The tasks of chapter 01."""

from data_helpers.checks.marking import Task

__all__ = ["TASKS"]

TASKS = (
    Task("01.1", "Predict the size of an image", "sizes.mark_prediction", "a dict of numbers"),
    Task("01.2", "Read one plane of a raw file", "raw_files.mark_read_plane"),
    Task("01.3", "Count the bytes a region costs", "sizes.mark_bytes_to_read"),
    Task("01.4", "Find the smallest dtype", "values.mark_smallest_dtype"),
    Task("01.5", "Lose a little, on purpose", "values.mark_quantise"),
    Task("01.6", "Add up what a store takes", "sizes.mark_stored_bytes"),
    Task(
        "01.7",
        "Stretch: a chunked file format of your own",
        "raw_files.mark_chunked_format",
        "two functions",
    ),
)
