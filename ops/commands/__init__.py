"""Bodies of the commands, one file a command. `ops.cli` declares them and imports each when it is called."""
