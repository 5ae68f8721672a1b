/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_BASE_DIGEST_H
#define PHASIC_BASE_DIGEST_H

#include <stddef.h>

/* SHA-256 of bytes as 64 hexadecimal digits and a NUL, as `sha256sum` prints it. */
void ph_digest(const void *bytes, size_t length, char hex[65]);

#endif
