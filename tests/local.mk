# Lints, and the end-to-end tests (run by ./check, not by make check: they need a
# PACS). The unit tests stand in each floor's own src/<floor>/local.mk.
dist_check_SCRIPTS += tests/lint/floors.sh tests/lint/banned.sh \
	tests/lint/functions.sh tests/lint/headers.sh \
	tests/lint/purity.sh tests/lint/vectors.sh

EXTRA_DIST += quickstart scripts docs tests/README.md tests/e2e tests/chaos tests/fuzz \
	tests/compare \
	tests/bench/decision.py tests/bench/decode.py tests/bench/ingest.py tests/bench/files.py \
	tests/bench/group.py tests/bench/memory.py src/core/README.md
# Not in EXTRA_DIST: there, "check" would be the target of that name.
dist-hook:
	cp -p $(srcdir)/check $(distdir)/check
	find $(distdir) -name __pycache__ -prune -exec rm -rf {} +
# What was built below folders that are archived whole; make would find it there.
	find $(distdir)/tests \( -name '*.o' -o -name '*.so' -o -name .dirstamp -o -name 'replay_*' \
		-o -name '*.log' -o -name '*.trs' \) -exec rm -f {} +
	find $(distdir)/tests -name .deps -prune -exec rm -rf {} +
	find $(distdir)/docs/example -mindepth 1 ! -name '*.c' -delete
