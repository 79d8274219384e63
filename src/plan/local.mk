# plan: is a series complete, which volumes, which routes, which jobs.
noinst_LIBRARIES += libplan.a
libplan_a_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
libplan_a_SOURCES =
libplan_a_SOURCES += include/isovox/plan/plan.h
libplan_a_SOURCES += src/plan/cache.c
libplan_a_SOURCES += src/plan/cache.h
libplan_a_SOURCES += src/plan/commitment.c
libplan_a_SOURCES += src/plan/complete.c
libplan_a_SOURCES += src/plan/complete.h
libplan_a_SOURCES += src/plan/content.c
libplan_a_SOURCES += src/plan/counts.c
libplan_a_SOURCES += src/plan/counts.h
libplan_a_SOURCES += src/plan/decide.c
libplan_a_SOURCES += src/plan/index.c
libplan_a_SOURCES += src/plan/jobs.c
libplan_a_SOURCES += src/plan/jobs.h
libplan_a_SOURCES += src/plan/memory.c
libplan_a_SOURCES += src/plan/memory.h
libplan_a_SOURCES += src/plan/pauses.c
libplan_a_SOURCES += src/plan/pauses.h
libplan_a_SOURCES += src/plan/planner.h
libplan_a_SOURCES += src/plan/retain.c
libplan_a_SOURCES += src/plan/role.c
libplan_a_SOURCES += src/plan/route.c
libplan_a_SOURCES += src/plan/route.h
libplan_a_SOURCES += src/plan/series.c
libplan_a_SOURCES += src/plan/series.h
libplan_a_SOURCES += src/plan/trying.c
libplan_a_SOURCES += src/plan/trying.h
libplan_a_SOURCES += src/plan/weigh.c
libplan_a_SOURCES += src/plan/weigh.h
EXTRA_DIST += src/plan/README.md

check_PROGRAMS += tests/unit/plan/test_rules
tests_unit_plan_test_rules_SOURCES = tests/unit/plan/test_rules.c
tests_unit_plan_test_rules_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/src/plan
tests_unit_plan_test_rules_CFLAGS = $(TEST_CFLAGS)
tests_unit_plan_test_rules_LDADD = libplan.a librecipes.a libcore.a libsys.a libbase.a $(CJSON_LIBS) $(CRYPTO_LIBS) $(CHECK_LIBS)

PLAN_TEST_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/src/plan
PLAN_TEST_RIG = tests/unit/plan/part10.c tests/unit/plan/part10.h tests/unit/plan/rig.c \
	tests/unit/plan/rig.h
PLAN_TEST_LIBS = libplan.a librecipes.a libassemble.a libdicom.a libcore.a libcatalogue.a liboutbox.a libspool.a \
	libconfig.a libsys.a libbase.a $(CJSON_LIBS) $(SQLITE_LIBS) $(CONFUSE_LIBS) \
	$(DCMTK_LIBS) $(CRYPTO_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/plan/test_plan tests/unit/plan/test_deaths
tests_unit_plan_test_plan_SOURCES = tests/unit/plan/test_plan.c $(PLAN_TEST_RIG)
nodist_EXTRA_tests_unit_plan_test_plan_SOURCES = dummy.cc
tests_unit_plan_test_plan_CPPFLAGS = $(PLAN_TEST_CPPFLAGS)
tests_unit_plan_test_plan_CFLAGS = $(TEST_CFLAGS)
tests_unit_plan_test_plan_LDADD = $(PLAN_TEST_LIBS)
tests_unit_plan_test_deaths_SOURCES = tests/unit/plan/test_deaths.c $(PLAN_TEST_RIG)
nodist_EXTRA_tests_unit_plan_test_deaths_SOURCES = dummy.cc
tests_unit_plan_test_deaths_CPPFLAGS = $(PLAN_TEST_CPPFLAGS)
tests_unit_plan_test_deaths_CFLAGS = $(TEST_CFLAGS)
tests_unit_plan_test_deaths_LDADD = $(PLAN_TEST_LIBS)

check_PROGRAMS += tests/unit/plan/test_retain
tests_unit_plan_test_retain_SOURCES = tests/unit/plan/test_retain.c $(PLAN_TEST_RIG)
nodist_EXTRA_tests_unit_plan_test_retain_SOURCES = dummy.cc
tests_unit_plan_test_retain_CPPFLAGS = $(PLAN_TEST_CPPFLAGS)
tests_unit_plan_test_retain_CFLAGS = $(TEST_CFLAGS)
tests_unit_plan_test_retain_LDADD = $(PLAN_TEST_LIBS)

check_PROGRAMS += tests/unit/plan/test_recipe
tests_unit_plan_test_recipe_SOURCES = tests/unit/plan/test_recipe.c
nodist_EXTRA_tests_unit_plan_test_recipe_SOURCES = dummy.cc
tests_unit_plan_test_recipe_CPPFLAGS = $(PLAN_TEST_CPPFLAGS)
tests_unit_plan_test_recipe_CFLAGS = $(TEST_CFLAGS)
tests_unit_plan_test_recipe_LDADD = $(PLAN_TEST_LIBS)

check_PROGRAMS += tests/unit/plan/test_counts tests/unit/plan/test_evidence
tests_unit_plan_test_counts_SOURCES = tests/unit/plan/test_counts.c
nodist_EXTRA_tests_unit_plan_test_counts_SOURCES = dummy.cc
tests_unit_plan_test_counts_CPPFLAGS = $(PLAN_TEST_CPPFLAGS)
tests_unit_plan_test_counts_CFLAGS = $(TEST_CFLAGS)
tests_unit_plan_test_counts_LDADD = $(PLAN_TEST_LIBS)
tests_unit_plan_test_evidence_SOURCES = tests/unit/plan/test_evidence.c $(PLAN_TEST_RIG)
nodist_EXTRA_tests_unit_plan_test_evidence_SOURCES = dummy.cc
tests_unit_plan_test_evidence_CPPFLAGS = $(PLAN_TEST_CPPFLAGS)
tests_unit_plan_test_evidence_CFLAGS = $(TEST_CFLAGS)
tests_unit_plan_test_evidence_LDADD = $(PLAN_TEST_LIBS)

check_PROGRAMS += tests/unit/plan/test_manifest
tests_unit_plan_test_manifest_SOURCES = tests/unit/plan/test_manifest.c $(PLAN_TEST_RIG)
nodist_EXTRA_tests_unit_plan_test_manifest_SOURCES = dummy.cc
tests_unit_plan_test_manifest_CPPFLAGS = $(PLAN_TEST_CPPFLAGS)
tests_unit_plan_test_manifest_CFLAGS = $(TEST_CFLAGS)
tests_unit_plan_test_manifest_LDADD = $(PLAN_TEST_LIBS)

check_PROGRAMS += tests/unit/plan/test_unread
tests_unit_plan_test_unread_SOURCES = tests/unit/plan/test_unread.c $(PLAN_TEST_RIG)
nodist_EXTRA_tests_unit_plan_test_unread_SOURCES = dummy.cc
tests_unit_plan_test_unread_CPPFLAGS = $(PLAN_TEST_CPPFLAGS) -I$(srcdir)/src/catalogue $(SQLITE_CFLAGS)
tests_unit_plan_test_unread_CFLAGS = $(TEST_CFLAGS)
tests_unit_plan_test_unread_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pread
tests_unit_plan_test_unread_LDADD = $(PLAN_TEST_LIBS)

check_PROGRAMS += tests/unit/plan/test_clock
tests_unit_plan_test_clock_SOURCES = tests/unit/plan/test_clock.c $(PLAN_TEST_RIG)
nodist_EXTRA_tests_unit_plan_test_clock_SOURCES = dummy.cc
tests_unit_plan_test_clock_CPPFLAGS = $(PLAN_TEST_CPPFLAGS) $(SQLITE_CFLAGS)
tests_unit_plan_test_clock_CFLAGS = $(TEST_CFLAGS)
tests_unit_plan_test_clock_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ivx_clock_wall_us,--wrap=ivx_clock_steady_us
tests_unit_plan_test_clock_LDADD = $(PLAN_TEST_LIBS)
