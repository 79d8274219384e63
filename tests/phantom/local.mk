# A CT series of our own making, for the tests and for the quickstart.
noinst_PROGRAMS += tests/phantom/isovox-phantom
tests_phantom_isovox_phantom_SOURCES = tests/phantom/phantom.h tests/phantom/main.c \
	tests/phantom/field.c tests/phantom/series.c tests/phantom/instance.c \
	tests/phantom/options.c
nodist_EXTRA_tests_phantom_isovox_phantom_SOURCES = dummy.cc
tests_phantom_isovox_phantom_LDADD = libdicom.a libsys.a libbase.a $(DCMTK_LIBS) \
	$(CRYPTO_LIBS) -lm
EXTRA_DIST += tests/phantom/README.md
