"""Where ticks come from: Parquet and CSV files, the synthetic market; each hands over batches and can be sought."""
