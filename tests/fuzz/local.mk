# fuzz: the targets of tests/fuzz/run.sh without libFuzzer, over the corpus of finds.
FUZZ_LIBS = libassemble.a libdicom.a libcore.a libsys.a libbase.a $(DCMTK_LIBS) $(CRYPTO_LIBS) -lm
fuzz_common = tests/fuzz/replay.c tests/fuzz/check.c tests/fuzz/fuzz.h

check_PROGRAMS += tests/fuzz/replay_instance
tests_fuzz_replay_instance_SOURCES = $(fuzz_common) tests/fuzz/fuzz_instance.c
nodist_EXTRA_tests_fuzz_replay_instance_SOURCES = dummy.cc
tests_fuzz_replay_instance_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET='"instance"'
tests_fuzz_replay_instance_LDADD = $(FUZZ_LIBS)

check_PROGRAMS += tests/fuzz/replay_assembly
tests_fuzz_replay_assembly_SOURCES = $(fuzz_common) tests/fuzz/fuzz_assembly.c
nodist_EXTRA_tests_fuzz_replay_assembly_SOURCES = dummy.cc
tests_fuzz_replay_assembly_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET='"assembly"'
tests_fuzz_replay_assembly_LDADD = $(FUZZ_LIBS)

check_PROGRAMS += tests/fuzz/replay_codec
tests_fuzz_replay_codec_SOURCES = $(fuzz_common) tests/fuzz/fuzz_codec.c
nodist_EXTRA_tests_fuzz_replay_codec_SOURCES = dummy.cc
tests_fuzz_replay_codec_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET='"codec"'
tests_fuzz_replay_codec_LDADD = $(FUZZ_LIBS)

check_PROGRAMS += tests/fuzz/replay_inflate
tests_fuzz_replay_inflate_SOURCES = $(fuzz_common) tests/fuzz/fuzz_inflate.c
nodist_EXTRA_tests_fuzz_replay_inflate_SOURCES = dummy.cc
tests_fuzz_replay_inflate_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET='"inflate"'
tests_fuzz_replay_inflate_LDADD = $(FUZZ_LIBS)

check_PROGRAMS += tests/fuzz/replay_dicomdir
tests_fuzz_replay_dicomdir_SOURCES = $(fuzz_common) tests/fuzz/fuzz_dicomdir.c \
	src/tool/dicomdir.c src/tool/dicomdir.h
nodist_EXTRA_tests_fuzz_replay_dicomdir_SOURCES = dummy.cc
tests_fuzz_replay_dicomdir_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/src/tool \
	-DFUZZ_TARGET='"dicomdir"'
tests_fuzz_replay_dicomdir_LDADD = $(FUZZ_LIBS)

check_PROGRAMS += tests/fuzz/replay_message
tests_fuzz_replay_message_SOURCES = $(fuzz_common) tests/fuzz/fuzz_message.c
nodist_EXTRA_tests_fuzz_replay_message_SOURCES = dummy.cc
tests_fuzz_replay_message_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/src/dicom \
	-DFUZZ_TARGET='"message"'
tests_fuzz_replay_message_LDADD = $(FUZZ_LIBS)
