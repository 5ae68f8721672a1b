/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_BASE_FILE_H
#define PHASIC_BASE_FILE_H

#include "phasic/base/buffer.h"
#include "phasic/base/error.h"
#include <stddef.h>

/*
 * Reads a whole file (plain or gzip, of any number of members and nothing else; "-" is
 * standard input) into *bytes (NUL-terminated beyond *length; release with free).
 * Returns PH_E_INPUT if it cannot be read, PH_E_MEMORY, or 0.
 */
int ph_file_read(const char *path, char **bytes, size_t *length, ph_error *error);

/* Whether a path is there and neither file nor folder: a device, a pipe, a socket. */
int ph_file_is_stream(const char *path);

/*
 * Writes bytes to a temporary name beside path, syncs, and renames. An existing path is
 * kept and PH_E_CREATE returned unless `force`. A failed write removes the temporary
 * file and returns PH_E_WRITE. What is a link stays one. A stream is written to as it
 * is, whatever `force` says. A path that ends in .gz is written as one gzip member,
 * whose bytes follow from those given alone.
 */
int ph_file_write(const char *path, const char *bytes, size_t length, int force,
                  ph_error *error);

/*
 * Files that are one result: all of them are written under temporary names, and appear
 * under their own names only then. All zero at birth.
 */
typedef struct ph_files {
    struct ph_draft *draft;
    size_t n, capacity;
} ph_files;

/* Writes one file beside its path, a stream at once, compressed where the path ends in
 * .gz; PH_E_CREATE, PH_E_WRITE or PH_E_MEMORY. */
int ph_files_add(ph_files *self, const char *path, const char *bytes, size_t length,
                 ph_error *error);

/*
 * Renames all, in the order in which they were added. Without `force`, where one path
 * exists, PH_E_CREATE is returned and none of the files is there but under its
 * temporary name.
 */
int ph_files_publish(ph_files *self, int force, ph_error *error);

/*
 * Gives up the temporary files that are left, which are complete, to the user: adds
 * their names to a buffer, with ", " between.
 */
void ph_files_keep(ph_files *self, ph_buffer *names);

/* Removes the temporary files that are left. */
void ph_files_free(ph_files *self);

#endif
