"""Pure tensor functions: maps of places and of colours, and the kernels that carry them out."""
