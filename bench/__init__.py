"""Measurements: `make bench`. Ratios within one run are what counts; single times say more of the machine."""
