"""From replayed history to what members are fitted to: rows, labels, inputs, folds."""
