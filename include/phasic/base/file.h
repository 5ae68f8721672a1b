/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_BASE_FILE_H
#define PHASIC_BASE_FILE_H

#include "phasic/base/error.h"
#include <stddef.h>

/*
 * Reads a whole file (plain or gzip; "-" is standard input) into *bytes (NUL-terminated
 * beyond *length; release with free). Returns PH_E_INPUT if it cannot be read,
 * PH_E_MEMORY, or 0.
 */
int ph_file_read(const char *path, char **bytes, size_t *length, ph_error *error);

/*
 * Writes bytes to a temporary name beside path, syncs, and renames. An existing path is
 * kept and PH_E_CREATE returned unless `force`. A failed write removes the temporary
 * file and returns PH_E_WRITE.
 */
int ph_file_write(const char *path, const char *bytes, size_t length, int force,
                  ph_error *error);

#endif
