"""Independent oracles, one module a family; importing them fills `registry.ORACLES`."""
