# receive
noinst_LIBRARIES += libreceive.a
EXTRA_DIST += src/receive/README.md
libreceive_a_SOURCES = include/isovox/receive/receive.h src/receive/association.h \
	src/receive/association.c src/receive/commitment.c src/receive/commitment.h \
	src/receive/performed.c src/receive/performed.h \
	src/receive/receive.c src/receive/slots.c \
	src/receive/slots.h

check_PROGRAMS += tests/unit/receive/test_receive
tests_unit_receive_test_receive_SOURCES = tests/unit/receive/rig.c \
	tests/unit/receive/rig.h tests/unit/receive/test_receive.c
nodist_EXTRA_tests_unit_receive_test_receive_SOURCES = dummy.cc
tests_unit_receive_test_receive_CFLAGS = $(TEST_CFLAGS)
tests_unit_receive_test_receive_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fdatasync
tests_unit_receive_test_receive_LDADD = libreceive.a libcatalogue.a libspool.a libconfig.a \
	libdicom.a libsys.a libbase.a $(CHECK_LIBS) $(DCMTK_LIBS) $(SQLITE_LIBS) $(CONFUSE_LIBS) $(CRYPTO_LIBS)
