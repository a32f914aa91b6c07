"""What a person asks about features: costs, validity, differences, one symbol over time, what a model was shown."""
