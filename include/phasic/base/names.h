/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_BASE_NAMES_H
#define PHASIC_BASE_NAMES_H

#include <stddef.h>

/* The known name nearest to a mistyped one (edit distance at most 2), or NULL. */
const char *ph_nearest_name(const char *name, const char *const *known, size_t length);

#endif
