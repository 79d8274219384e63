# Lints; the unit tests stand in each floor's own src/<floor>/local.mk.
