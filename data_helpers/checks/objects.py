"""The tasks of chapter 08."""

from data_helpers.checks.marking import Task

__all__ = ["TASKS"]

TASKS = (
    Task("08.1", "Count the objects that borders cut", "cut_objects.mark_count_cut"),
    Task("08.2", "Give each piece a number of its own", "piece_numbers.mark_label_chunks"),
    Task("08.3", "Find the pieces that touch", "touching_pieces.mark_touching_pairs"),
    Task("08.4", "Merge the pairs", "merged_pieces.mark_merge_pairs"),
    Task("08.5", "Remove small objects", "small_objects.mark_remove_small"),
    Task("08.6", "Find the centre of each object", "object_centres.mark_find_centres"),
    Task("08.7", "Stretch: label an image of any size", "whole_objects.mark_label_image"),
)
