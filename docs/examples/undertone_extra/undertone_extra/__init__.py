"""An example: features of your own, beside the catalogue's."""
