"""What it costs: one command prints a card; each figure with the machine and the commit it was measured on."""
