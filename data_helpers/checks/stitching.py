"""The tasks of chapter 02."""

from data_helpers.checks.marking import Task

__all__ = ["TASKS"]

TASKS = (
    Task("02.1", "Describe a file name", "tile_names.mark_template", "a template"),
    Task("02.2", "Put the files in order", "tile_names.mark_sort_tiles"),
    Task("02.3", "Find what is missing and what is there twice", "tile_names.mark_find_faults"),
    Task("02.4", "One lazy array of many files", "tile_files.mark_lazy_stack"),
    Task("02.5", "Write to Zarr, tile by tile", "tile_files.mark_stack_to_zarr"),
    Task("02.6", "Find how far a tile is off", "overlaps.mark_find_shift"),
    Task("02.7", "Stretch: blend overlapping tiles", "overlaps.mark_blend"),
)
