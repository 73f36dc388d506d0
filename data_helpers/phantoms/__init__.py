"""Seeded synthetic images of any size, any block of which can be made alone."""

from data_helpers.phantoms.heart import phantom_heart

__all__ = ["phantom_heart"]
