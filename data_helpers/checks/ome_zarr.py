"""The tasks of chapter 04."""

from data_helpers.checks.marking import Task

__all__ = ["TASKS"]

TASKS = (
    Task("04.1", "Say where a level lies", "level_places.mark_level", "a dict of numbers"),
    Task("04.2", "Mean of each window", "windows.mark_window_mean"),
    Task("04.3", "Write the metadata of an image", "image_metadata.mark_image_metadata"),
    Task("04.4", "Write a level, chunk by chunk", "pyramids.mark_write_level"),
    Task("04.5", "Shrink labels", "label_windows.mark_window_mode"),
    Task("04.6", "Find everything wrong with an image", "broken_images.mark_find_faults"),
    Task("04.7", "Stretch: all levels in one pass", "pyramids.mark_write_pyramid"),
)
