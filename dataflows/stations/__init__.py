"""The stations of the flow, one a file: plain classes with `step(batch) -> batch`, driven by Bytewax or in process."""
