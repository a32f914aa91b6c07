"""What `/analyze` says beside the prediction: indicators, market context and spectrum of stored bars. No model."""
