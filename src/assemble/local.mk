# assemble
noinst_LIBRARIES += libassemble.a
libassemble_a_SOURCES = include/isovox/assemble/assembly.h \
	include/isovox/assemble/instance.h \
	src/assemble/assembly.c src/assemble/collect.c src/assemble/decide.c \
	src/assemble/group.c src/assemble/group.h src/assemble/instance.c \
	src/assemble/pixels.c src/assemble/pixels.h src/assemble/reader.c \
	src/assemble/rules_group.c src/assemble/rules_line.c \
	src/assemble/rules_orientation.c src/assemble/rules_same.c \
	src/assemble/rules_spacing.c src/assemble/rules_split.c \
	src/assemble/rules_values.c src/assemble/work.h
