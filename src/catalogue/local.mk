noinst_LIBRARIES += libcatalogue.a
libcatalogue_a_SOURCES = include/isovox/catalogue/catalogue.h src/catalogue/db.h \
	include/isovox/catalogue/commitment.h include/isovox/catalogue/breaker.h src/catalogue/breaker.c \
	include/isovox/catalogue/clock.h \
	src/catalogue/commitment.c src/catalogue/committed.c \
	src/catalogue/catalogue.c src/catalogue/clock.c src/catalogue/db.c src/catalogue/decide.c \
	src/catalogue/deliveries.c src/catalogue/due.c src/catalogue/evidence.c src/catalogue/forget.c \
	src/catalogue/index.c \
	include/isovox/catalogue/inquiry.h src/catalogue/inquiry.c \
	include/isovox/catalogue/performed.h src/catalogue/performed.c src/catalogue/jobs.c include/isovox/catalogue/manifest.h \
	src/catalogue/manifest.c \
	src/catalogue/lists.c src/catalogue/operate.c src/catalogue/release.c src/catalogue/retain.c src/catalogue/rows.c \
	src/catalogue/schema.c src/catalogue/series.c src/catalogue/settle.c \
	include/isovox/catalogue/unread.h src/catalogue/unread.c
libcatalogue_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
EXTRA_DIST += src/catalogue/README.md

CATALOGUE_TEST_LIBS = libcatalogue.a libsys.a libbase.a $(SQLITE_LIBS) $(CRYPTO_LIBS) $(CHECK_LIBS)
CATALOGUE_TEST_RIG = tests/unit/catalogue/rig.h tests/unit/catalogue/rig.c

check_PROGRAMS += tests/unit/catalogue/test_deliveries \
	tests/unit/catalogue/test_commitment tests/unit/catalogue/test_committed tests/unit/catalogue/test_breaker tests/unit/catalogue/test_clock \
	tests/unit/catalogue/test_due tests/unit/catalogue/test_files tests/unit/catalogue/test_index tests/unit/catalogue/test_jobs \
	tests/unit/catalogue/test_retain
tests_unit_catalogue_test_index_SOURCES = $(CATALOGUE_TEST_RIG) tests/unit/catalogue/test_index.c
tests_unit_catalogue_test_index_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/src/catalogue \
	$(SQLITE_CFLAGS)
tests_unit_catalogue_test_index_CFLAGS = $(TEST_CFLAGS)
tests_unit_catalogue_test_index_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ivx_clock_wall_us,--wrap=ivx_clock_steady_us
tests_unit_catalogue_test_index_LDADD = $(CATALOGUE_TEST_LIBS)
tests_unit_catalogue_test_due_SOURCES = $(CATALOGUE_TEST_RIG) tests/unit/catalogue/test_due.c
tests_unit_catalogue_test_due_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
tests_unit_catalogue_test_due_CFLAGS = $(TEST_CFLAGS)
tests_unit_catalogue_test_due_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ivx_clock_wall_us,--wrap=ivx_clock_steady_us
tests_unit_catalogue_test_due_LDADD = $(CATALOGUE_TEST_LIBS)
tests_unit_catalogue_test_files_SOURCES = $(CATALOGUE_TEST_RIG) tests/unit/catalogue/test_files.c
tests_unit_catalogue_test_files_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
tests_unit_catalogue_test_files_CFLAGS = $(TEST_CFLAGS)
tests_unit_catalogue_test_files_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ivx_clock_wall_us,--wrap=ivx_clock_steady_us
tests_unit_catalogue_test_files_LDADD = $(CATALOGUE_TEST_LIBS)
tests_unit_catalogue_test_jobs_SOURCES = $(CATALOGUE_TEST_RIG) tests/unit/catalogue/test_jobs.c
tests_unit_catalogue_test_jobs_CFLAGS = $(TEST_CFLAGS)
tests_unit_catalogue_test_jobs_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ivx_clock_wall_us,--wrap=ivx_clock_steady_us
tests_unit_catalogue_test_jobs_LDADD = $(CATALOGUE_TEST_LIBS)
tests_unit_catalogue_test_deliveries_SOURCES = $(CATALOGUE_TEST_RIG) \
	tests/unit/catalogue/test_deliveries.c
tests_unit_catalogue_test_deliveries_CFLAGS = $(TEST_CFLAGS)
tests_unit_catalogue_test_deliveries_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ivx_clock_wall_us,--wrap=ivx_clock_steady_us
tests_unit_catalogue_test_deliveries_LDADD = $(CATALOGUE_TEST_LIBS)
tests_unit_catalogue_test_retain_SOURCES = $(CATALOGUE_TEST_RIG) \
	tests/unit/catalogue/test_retain.c
tests_unit_catalogue_test_retain_CFLAGS = $(TEST_CFLAGS)
tests_unit_catalogue_test_retain_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ivx_clock_wall_us,--wrap=ivx_clock_steady_us
tests_unit_catalogue_test_retain_LDADD = $(CATALOGUE_TEST_LIBS)
tests_unit_catalogue_test_commitment_SOURCES = $(CATALOGUE_TEST_RIG) \
	tests/unit/catalogue/test_commitment.c
tests_unit_catalogue_test_commitment_CFLAGS = $(TEST_CFLAGS)
tests_unit_catalogue_test_commitment_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ivx_clock_wall_us,--wrap=ivx_clock_steady_us
tests_unit_catalogue_test_commitment_LDADD = $(CATALOGUE_TEST_LIBS)
tests_unit_catalogue_test_committed_SOURCES = $(CATALOGUE_TEST_RIG) \
	tests/unit/catalogue/test_committed.c
tests_unit_catalogue_test_committed_CFLAGS = $(TEST_CFLAGS)
tests_unit_catalogue_test_committed_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ivx_clock_wall_us,--wrap=ivx_clock_steady_us
tests_unit_catalogue_test_committed_LDADD = $(CATALOGUE_TEST_LIBS)
tests_unit_catalogue_test_breaker_SOURCES = $(CATALOGUE_TEST_RIG) \
	tests/unit/catalogue/test_breaker.c
tests_unit_catalogue_test_breaker_CFLAGS = $(TEST_CFLAGS)
tests_unit_catalogue_test_breaker_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ivx_clock_wall_us,--wrap=ivx_clock_steady_us
tests_unit_catalogue_test_breaker_LDADD = $(CATALOGUE_TEST_LIBS)
check_PROGRAMS += tests/unit/catalogue/test_history
tests_unit_catalogue_test_history_SOURCES = $(CATALOGUE_TEST_RIG) \
	tests/unit/catalogue/test_history.c
tests_unit_catalogue_test_history_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
tests_unit_catalogue_test_history_CFLAGS = $(TEST_CFLAGS)
tests_unit_catalogue_test_history_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ivx_clock_wall_us,--wrap=ivx_clock_steady_us
tests_unit_catalogue_test_history_LDADD = $(CATALOGUE_TEST_LIBS)
tests_unit_catalogue_test_clock_SOURCES = $(CATALOGUE_TEST_RIG) tests/unit/catalogue/test_clock.c
tests_unit_catalogue_test_clock_CFLAGS = $(TEST_CFLAGS)
tests_unit_catalogue_test_clock_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ivx_clock_wall_us,--wrap=ivx_clock_steady_us,--wrap=open
tests_unit_catalogue_test_clock_LDADD = $(CATALOGUE_TEST_LIBS)
check_PROGRAMS += tests/unit/catalogue/test_queue
tests_unit_catalogue_test_queue_SOURCES = $(CATALOGUE_TEST_RIG) tests/unit/catalogue/test_queue.c
tests_unit_catalogue_test_queue_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/src/catalogue $(SQLITE_CFLAGS)
tests_unit_catalogue_test_queue_CFLAGS = $(TEST_CFLAGS)
tests_unit_catalogue_test_queue_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ivx_clock_wall_us,--wrap=ivx_clock_steady_us
tests_unit_catalogue_test_queue_LDADD = $(CATALOGUE_TEST_LIBS)
