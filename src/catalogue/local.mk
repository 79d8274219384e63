noinst_LIBRARIES += libcatalogue.a
libcatalogue_a_SOURCES = include/isovox/catalogue/catalogue.h src/catalogue/db.h \
	src/catalogue/catalogue.c src/catalogue/db.c src/catalogue/decide.c \
	src/catalogue/deliveries.c src/catalogue/index.c src/catalogue/jobs.c \
	src/catalogue/lists.c src/catalogue/operate.c src/catalogue/release.c src/catalogue/rows.c \
	src/catalogue/schema.c src/catalogue/series.c src/catalogue/settle.c
libcatalogue_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
EXTRA_DIST += src/catalogue/README.md
