"""What predictions are worth against what happened, and beside naive baselines."""
