"""Feature history on disk: what a build is made of. `dataflows.feature_build` drives it, `feature_store` reads it."""
