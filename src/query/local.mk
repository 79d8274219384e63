# query: what archives know of open series.
noinst_LIBRARIES += libquery.a
libquery_a_SOURCES = include/isovox/query/query.h src/query/ask.c src/query/ask.h src/query/query.c
EXTRA_DIST += src/query/README.md
