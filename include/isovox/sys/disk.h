/* disk.h - how much room is left, and a ballast file that is let go when there is none.
 *
 * state_dir/ballast is room that nobody is to receive into: when the disk is full it is given
 * up, so that conversions, deliveries and removals in hand can finish. While it is missing,
 * both marks lie higher by its size: what it gave is not received into either. */
#ifndef IVX_SYS_DISK_H
#define IVX_SYS_DISK_H

#include <stddef.h>
#include <stdint.h>

#include "isovox/base/err.h"

enum ivx_disk_level {
    IVX_DISK_OK,
    IVX_DISK_LOW,  /* less than low_water: no new associations */
    IVX_DISK_FULL, /* less than high_water, or than 1 MiB: nothing more is received */
};
struct ivx_disk {
    uint64_t free_bytes, total_bytes;
    bool has_ballast;
    enum ivx_disk_level level;
    uint64_t enough_bytes; /* not OK: so much has to be free until it is better; 0: nobody knows */
};

/* "ok", "low", "full". */
const char *ivx_disk_level_name(enum ivx_disk_level level);
/* Marks in MiB free; 0: none, and it is full when nothing can be written. A disk that cannot be
 * asked counts as OK: writes will tell. */
struct ivx_disk ivx_disk_look(const char *state_dir, long low_water, long high_water);
/* For people: "7 MiB free: no instance is accepted (A700) until 12 MiB are. ...", with what is to
 * be done. */
void ivx_disk_text(const struct ivx_disk *disk, char *out, size_t room);
/* Lets the ballast go from a full disk, makes it where there is room. Logs what it does. */
void ivx_disk_tend_ballast(const char *state_dir, const struct ivx_disk *disk);

#endif
