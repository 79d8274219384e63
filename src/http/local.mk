noinst_LIBRARIES += libhttp.a
libhttp_a_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS) $(MICROHTTPD_CFLAGS)
libhttp_a_SOURCES =
libhttp_a_SOURCES += include/isovox/http/http.h
libhttp_a_SOURCES += src/http/api.c
libhttp_a_SOURCES += src/http/assemble.c
libhttp_a_SOURCES += src/http/guard.c
libhttp_a_SOURCES += src/http/metrics.c
libhttp_a_SOURCES += src/http/metrics.h
libhttp_a_SOURCES += src/http/metrics_peers.c
libhttp_a_SOURCES += src/http/reply.c
libhttp_a_SOURCES += src/http/role.c
libhttp_a_SOURCES += src/http/routes.c
libhttp_a_SOURCES += src/http/rows.c
libhttp_a_SOURCES += src/http/server.h
libhttp_a_SOURCES += src/http/site.c
libhttp_a_SOURCES += src/http/status.c
libhttp_a_SOURCES += src/http/stream.c
libhttp_a_SOURCES += src/http/stream.h
nodist_libhttp_a_SOURCES = src/http/page.c
HTTP_LIBS = $(MICROHTTPD_LIBS) $(CJSON_LIBS)
EXTRA_DIST += src/http/README.md src/http/embed.sh $(HTTP_PAGE)
CLEANFILES += src/http/page.c

# The page is compiled in: the daemon needs no file to serve it.
HTTP_PAGE = src/http/page/index.html src/http/page/page.css src/http/page/page.js
src/http/page.c: src/http/embed.sh $(HTTP_PAGE)
	$(AM_V_GEN)$(MKDIR_P) src/http && $(SHELL) $(srcdir)/src/http/embed.sh \
		$(srcdir)/src/http/page/index.html $(srcdir)/src/http/page/page.css \
		$(srcdir)/src/http/page/page.js > $@.tmp && mv $@.tmp $@

check_PROGRAMS += tests/unit/http/test_http
tests_unit_http_test_http_SOURCES = tests/unit/http/rig.c tests/unit/http/rig.h \
	tests/unit/http/test_http.c
tests_unit_http_test_http_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS) -I$(top_srcdir)/src/http
tests_unit_http_test_http_CFLAGS = $(TEST_CFLAGS)
tests_unit_http_test_http_LDADD = libhttp.a $(HTTP_LIBS) libcatalogue.a $(SQLITE_LIBS) \
	$(CONFIG_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/http/test_metrics
tests_unit_http_test_metrics_SOURCES = tests/unit/http/rig.c tests/unit/http/rig.h \
	tests/unit/http/test_metrics.c
tests_unit_http_test_metrics_CPPFLAGS = $(tests_unit_http_test_http_CPPFLAGS)
tests_unit_http_test_metrics_CFLAGS = $(TEST_CFLAGS)
tests_unit_http_test_metrics_LDADD = $(tests_unit_http_test_http_LDADD)
