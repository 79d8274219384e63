# receive
noinst_LIBRARIES += libreceive.a
libreceive_a_SOURCES = include/isovox/receive/receive.h src/receive/association.h \
	src/receive/association.c src/receive/receive.c
