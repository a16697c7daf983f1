"""The tables of each pack that follow mechanically from gathered facts: `shared` what every place has, one module a place."""
