# The public names, and where they live. Read by `__init__.py` at import and by type checkers.
__version__: str
