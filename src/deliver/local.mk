# deliver
noinst_LIBRARIES += libdeliver.a
libdeliver_a_SOURCES = include/isovox/deliver/deliver.h src/deliver/deliver.c \
	src/deliver/policy.c src/deliver/policy.h src/deliver/sender.c src/deliver/sender.h
EXTRA_DIST += src/deliver/README.md
