# Lints, and the end-to-end tests (run by ./check, not by make check: they need a
# PACS). The unit tests stand in each floor's own src/<floor>/local.mk.
dist_check_SCRIPTS += tests/lint/floors.sh tests/lint/banned.sh \
	tests/lint/functions.sh tests/lint/headers.sh

EXTRA_DIST += check quickstart scripts docs tests/README.md tests/e2e
dist-hook:
	find $(distdir) -name __pycache__ -prune -exec rm -rf {} +
