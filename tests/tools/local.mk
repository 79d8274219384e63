# Programs that the end-to-end tests use.
noinst_PROGRAMS += tests/tools/isovox-journal
tests_tools_isovox_journal_SOURCES = tests/tools/journal.c
tests_tools_isovox_journal_LDADD = libspool.a libsys.a libbase.a $(CRYPTO_LIBS)
