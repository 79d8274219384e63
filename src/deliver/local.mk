# deliver
noinst_LIBRARIES += libdeliver.a
libdeliver_a_SOURCES = include/isovox/deliver/deliver.h src/deliver/attempt.c src/deliver/attempt.h \
	src/deliver/commitment.c src/deliver/commitment.h src/deliver/deliver.c src/deliver/probe.c \
	src/deliver/probe.h src/deliver/policy.c src/deliver/policy.h src/deliver/reporter.c \
	src/deliver/reporter.h src/deliver/sender.c src/deliver/sender.h
EXTRA_DIST += src/deliver/README.md

check_PROGRAMS += tests/unit/deliver/test_policy
tests_unit_deliver_test_policy_SOURCES = tests/unit/deliver/test_policy.c
tests_unit_deliver_test_policy_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/src/deliver
tests_unit_deliver_test_policy_CFLAGS = $(TEST_CFLAGS)
tests_unit_deliver_test_policy_LDADD = libdeliver.a libsys.a libbase.a $(CHECK_LIBS)

check_PROGRAMS += tests/unit/deliver/test_deliver
tests_unit_deliver_test_deliver_SOURCES = tests/unit/deliver/rig.c \
	tests/unit/deliver/rig.h tests/unit/deliver/test_deliver.c
nodist_EXTRA_tests_unit_deliver_test_deliver_SOURCES = dummy.cc
tests_unit_deliver_test_deliver_CFLAGS = $(TEST_CFLAGS)
tests_unit_deliver_test_deliver_LDADD = libdeliver.a libcatalogue.a liboutbox.a \
	libconfig.a libdicom.a libsys.a libbase.a $(CHECK_LIBS) $(DCMTK_LIBS) $(SQLITE_LIBS) \
	$(CJSON_LIBS) $(CONFUSE_LIBS) $(CRYPTO_LIBS)
