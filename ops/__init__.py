"""Operation: settings, logging, metrics, the command line."""
