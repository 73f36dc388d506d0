"""The tasks of chapter 03."""

from data_helpers.checks.marking import Task

__all__ = ["TASKS"]

TASKS = (
    Task("03.1", "Choose chunks for two views", "views.mark_choice", "three numbers"),
    Task("03.2", "Go through all chunks", "slices.mark_chunk_slices"),
    Task("03.3", "Count what a view reads", "views.mark_read_amplification"),
    Task("03.4", "Price a halo", "views.mark_halo_overhead"),
    Task("03.5", "Filter in chunks without a seam", "seams.mark_gaussian"),
    Task("03.6", "Share the work among writers", "writers.mark_split_work"),
    Task("03.7", "Stretch: rechunk within a budget", "rechunking.mark_rechunk"),
)
