/* uid.h - UIDs of our own: PS3.5 B.2. */
#ifndef IVX_BASE_UID_H
#define IVX_BASE_UID_H

/* "2.25." and the 128 bits as a decimal number, with the version and variant bits of a UUID:
 * 4 (random) or 8 (a digest), RFC 9562. */
void ivx_uid_of_bits(const unsigned char bits[16], int version, char out[65]);

#endif
