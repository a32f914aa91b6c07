"""Bodies of the commands, one file a command. `ops.cli` declares them; each is imported when it is called."""
