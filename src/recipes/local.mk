# recipes: the settings of a conversion.
noinst_LIBRARIES += librecipes.a
librecipes_a_SOURCES = include/isovox/recipes/recipe.h src/recipes/recipe.c \
	src/recipes/reference.c src/recipes/reference.h
EXTRA_DIST += src/recipes/README.md

check_PROGRAMS += tests/unit/recipes/test_recipe
tests_unit_recipes_test_recipe_SOURCES = tests/unit/recipes/test_recipe.c
tests_unit_recipes_test_recipe_CFLAGS = $(TEST_CFLAGS)
tests_unit_recipes_test_recipe_LDADD = librecipes.a libcore.a libbase.a $(CJSON_LIBS) \
	$(CHECK_LIBS)
