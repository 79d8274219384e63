/* auto.h - the one cleanup idiom: owners free themselves when their scope ends. */
#ifndef IVX_BASE_AUTO_H
#define IVX_BASE_AUTO_H

#ifdef __cplusplus
extern "C" {
#endif

/* Every ivx_thing_free() takes struct ivx_thing **, accepts a pointer to NULL
 * and leaves NULL behind. So the destructor IS the cleanup handler. */
#define IVX_AUTO(free_fn) __attribute__((unused, cleanup(free_fn)))

/* Hand ownership on: yields the pointer and leaves NULL in the variable. */
#define IVX_STEAL(p) \
    __extension__({ __typeof__(p) stolen_ = (p); (p) = NULL; stolen_; })

#define IVX_COUNT(array) (sizeof(array) / sizeof *(array))

/* For plain malloc()ed memory: IVX_AUTO(ivx_memory_free) char *text = NULL; */
void ivx_memory_free(void *pointer_to_pointer);

#ifdef __cplusplus
}
#endif

#endif
