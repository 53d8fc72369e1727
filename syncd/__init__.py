"""syncd tells you the moment a GPU image is shared with your CompShare account, taken away, or changes status."""

__version__ = "0.1.0"
