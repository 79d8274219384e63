noinst_LIBRARIES += liboutbox.a
liboutbox_a_SOURCES = include/isovox/outbox/outbox.h src/outbox/outbox.c
EXTRA_DIST += src/outbox/README.md
