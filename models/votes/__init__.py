"""How members vote: by given weights, stacked ones, or by what came true."""
