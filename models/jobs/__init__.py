"""Training jobs: their record, the queue that hands each to one worker at a time, and the worker. Free of torch."""
