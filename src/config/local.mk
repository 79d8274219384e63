noinst_LIBRARIES += libconfig.a
libconfig_a_SOURCES = include/isovox/config/config.h src/config/settings.h \
	src/config/check.c src/config/config.c src/config/load.c src/config/print.c \
	src/config/settings.c
libconfig_a_CPPFLAGS = $(AM_CPPFLAGS) $(CONFUSE_CFLAGS)
CONFIG_LIBS = libconfig.a libsys.a libbase.a $(CONFUSE_LIBS) $(CRYPTO_LIBS)
EXTRA_DIST += src/config/README.md

check_PROGRAMS += tests/unit/config/test_config tests/unit/config/test_documents
tests_unit_config_test_config_SOURCES = tests/unit/config/test_config.c
tests_unit_config_test_config_CFLAGS = $(TEST_CFLAGS)
tests_unit_config_test_config_LDADD = $(CONFIG_LIBS) $(CHECK_LIBS)
tests_unit_config_test_documents_SOURCES = tests/unit/config/test_documents.c
tests_unit_config_test_documents_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/src/config
tests_unit_config_test_documents_CFLAGS = $(TEST_CFLAGS)
tests_unit_config_test_documents_LDADD = $(CONFIG_LIBS) $(CHECK_LIBS)
exampledir = $(docdir)/examples
dist_example_DATA = etc/isovoxd.conf
dist_man_MANS += docs/man/isovoxd.conf.5
