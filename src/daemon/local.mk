# One line per role, in the order of linking: what uses stands before what is used.
sbin_PROGRAMS += isovoxd
isovoxd_CPPFLAGS = $(AM_CPPFLAGS)
isovoxd_SOURCES = src/daemon/daemon.h
isovoxd_SOURCES += src/daemon/instance.c
isovoxd_SOURCES += src/daemon/kinds.c
isovoxd_SOURCES += src/daemon/main.c
isovoxd_SOURCES += src/daemon/notify.c
isovoxd_SOURCES += src/daemon/roles.c
isovoxd_SOURCES += src/daemon/supervisor.c
isovoxd_LDADD = libreceive.a
isovoxd_LDADD += libplan.a
isovoxd_LDADD += libconvert.a
isovoxd_LDADD += libdeliver.a
isovoxd_LDADD += libquery.a
isovoxd_LDADD += libhttp.a
isovoxd_LDADD += $(VOLUME_LIBS)
isovoxd_LDADD += liboutbox.a libspool.a libcatalogue.a $(SQLITE_LIBS) $(HTTP_LIBS)
isovoxd_LDADD += $(CONFIG_LIBS)
# The C++ linker: libdicom.a is C++.
nodist_EXTRA_isovoxd_SOURCES = dummy.cc
EXTRA_DIST += src/daemon/README.md

# From instances to volumes to results, without roles; `isovox` uses them too.
VOLUME_LIBS = librecipes.a libassemble.a libderive.a libdicom.a libcore.a $(DCMTK_LIBS)

dist_man_MANS += docs/man/isovox.1 docs/man/isovoxd.8

# Not to systemd's own folder, which lies outside --prefix.
systemdunitdir = $(prefix)/lib/systemd/system
nodist_systemdunit_DATA = systemd/isovoxd.service
systemd/isovoxd.service: systemd/isovoxd.service.in
	$(AM_V_GEN)$(MKDIR_P) systemd && sed 's|@sbindir[@]|$(sbindir)|' \
		$(srcdir)/systemd/isovoxd.service.in > $@.tmp && mv $@.tmp $@
EXTRA_DIST += systemd/isovoxd.service.in
CLEANFILES += systemd/isovoxd.service

check_PROGRAMS += tests/unit/daemon/test_daemon
tests_unit_daemon_test_daemon_SOURCES = tests/unit/daemon/test_daemon.c \
	src/daemon/daemon.h src/daemon/instance.c src/daemon/notify.c src/daemon/roles.c
tests_unit_daemon_test_daemon_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/src/daemon
tests_unit_daemon_test_daemon_CFLAGS = $(TEST_CFLAGS)
tests_unit_daemon_test_daemon_LDADD = $(CONFIG_LIBS) $(CHECK_LIBS)
