/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "phasic/base/memory.h"

static int read_failed(const char *path, const char *why, ph_error *error)
{
    ph_error_file(error, path);
    return ph_error_set(error, PH_E_INPUT, "cannot be read: %s", why);
}

typedef struct text {
    char *bytes;
    size_t length, capacity;
} text;

/* Room for more, and a NUL behind it. */
static int reserve(text *self, const char *name, ph_error *error)
{
    return ph_grow(&self->bytes, &self->capacity, self->length + (1u << 16) + 1, 1) == 0
               ? PH_OK
               : ph_error_set(error, PH_E_MEMORY, "out of memory reading %s", name);
}

static int read_all(int descriptor, const char *name, text *raw, ph_error *error)
{
    for (;;) {
        int status = reserve(raw, name, error);
        if (status != PH_OK) {
            return status;
        }
        size_t room = raw->capacity - raw->length - 1;
        ssize_t got = read(descriptor, raw->bytes + raw->length,
                           room < 1u << 30 ? room : 1u << 30);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return read_failed(name, strerror(errno), error);
        }
        raw->bytes[raw->length += (size_t)got] = '\0';
        if (got == 0) {
            return PH_OK;
        }
    }
}

static int is_gzip(const char *bytes, size_t length)
{
    return length >= 2 && memcmp(bytes, "\x1F\x8B", 2) == 0;
}

/*
 * One member of a gzip file, from *used of the raw bytes on. zlib's own reading of
 * files passes over what follows a member and is none; here it is the caller who sees
 * it.
 */
static int inflate_member(z_stream *stream, const text *raw, size_t *used,
                          const char *name, text *plain, ph_error *error)
{
    for (int code = Z_OK; code != Z_STREAM_END;) {
        int status = reserve(plain, name, error);
        if (status != PH_OK) {
            return status;
        }
        size_t left = raw->length - *used, room = plain->capacity - plain->length - 1;
        unsigned in = (unsigned)(left < 1u << 30 ? left : 1u << 30);
        unsigned out = (unsigned)(room < 1u << 30 ? room : 1u << 30);
        stream->next_in = (Bytef *)raw->bytes + *used;
        stream->avail_in = in;
        stream->next_out = (Bytef *)plain->bytes + plain->length;
        stream->avail_out = out;
        code = inflate(stream, Z_NO_FLUSH);
        *used += in - stream->avail_in;
        plain->length += out - stream->avail_out;
        if (code == Z_MEM_ERROR) {
            return ph_error_set(error, PH_E_MEMORY, "out of memory reading %s", name);
        }
        if (code == Z_BUF_ERROR) {
            return read_failed(name, "the compressed data ends too early", error);
        }
        if (code != Z_OK && code != Z_STREAM_END) {
            return read_failed(name,
                               stream->msg ? stream->msg
                                           : "the compressed data needs a dictionary",
                               error);
        }
    }
    return PH_OK;
}

/* All members, one after the other, and nothing else. */
static int inflate_all(const text *raw, const char *name, text *plain, ph_error *error)
{
    z_stream stream = {0};
    size_t used = 0;
    if (inflateInit2(&stream, MAX_WBITS + 16) != Z_OK) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory reading %s", name);
    }
    int status = PH_OK;
    while (status == PH_OK && used < raw->length) {
        if (!is_gzip(raw->bytes + used, raw->length - used)) {
            status = read_failed(
                name, "what follows the compressed data is not compressed", error);
            break;
        }
        (void)inflateReset(&stream);
        status = inflate_member(&stream, raw, &used, name, plain, error);
    }
    (void)inflateEnd(&stream);
    if (status == PH_OK) {
        plain->bytes[plain->length] = '\0';
    }
    return status;
}

int ph_file_read(const char *path, char **bytes, size_t *length, ph_error *error)
{
    int standard_input = strcmp(path, "-") == 0;
    const char *name = standard_input ? "standard input" : path;
    int descriptor = standard_input ? dup(0) : open(path, O_RDONLY | O_CLOEXEC);
    struct stat about;
    if (descriptor < 0 || fstat(descriptor, &about) != 0) {
        int code = errno;
        if (descriptor >= 0) {
            close(descriptor);
        }
        return read_failed(name, strerror(code), error);
    }
    if (S_ISDIR(about.st_mode)) {
        close(descriptor);
        return read_failed(name, "it is a directory", error);
    }
    text raw = {0}, plain = {0};
    int status = read_all(descriptor, name, &raw, error);
    close(descriptor);
    if (status == PH_OK && is_gzip(raw.bytes, raw.length)) {
        status = inflate_all(&raw, name, &plain, error);
        free(raw.bytes);
        raw = plain;
    }
    if (status != PH_OK) {
        free(raw.bytes);
        return status;
    }
    *bytes = raw.bytes;
    *length = raw.length;
    return PH_OK;
}

/* Whether a name says that what it names is compressed. */
static int is_packed(const char *name)
{
    size_t length = strlen(name);
    return length >= 3 && strcmp(name + length - 3, ".gz") == 0;
}

/*
 * One member of a gzip file, in whose head stand neither a name nor a time. Digits of
 * random numbers shrink to half by any effort, so it is the least.
 */
static int deflate_all(const char *bytes, size_t length, ph_buffer *out)
{
    z_stream stream = {0};
    unsigned char room[1u << 16];
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + 16, MAX_MEM_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return PH_E_MEMORY;
    }
    stream.next_in = (Bytef *)bytes;
    for (int code = Z_OK; code == Z_OK && !out->failed;) {
        if (stream.avail_in == 0) { /* it counts no further than an unsigned does */
            stream.avail_in = (unsigned)(length < 1u << 30 ? length : 1u << 30);
            length -= stream.avail_in;
        }
        stream.next_out = room;
        stream.avail_out = sizeof room;
        code = deflate(&stream, length > 0 ? Z_NO_FLUSH : Z_FINISH);
        ph_buffer_add_n(out, (char *)room, sizeof room - stream.avail_out);
    }
    (void)deflateEnd(&stream);
    return out->failed ? PH_E_MEMORY : PH_OK;
}

static int write_all(int descriptor, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t put = write(descriptor, bytes, length);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return -1;
        }
        bytes += put;
        length -= (size_t)put;
    }
    return 0;
}

/* The directory must be synced too for the new name to survive a crash. */
static void sync_folder(const char *path)
{
    char *folder = ph_strdup(path);
    if (!folder) {
        return;
    }
    char *slash = strrchr(folder, '/');
    if (slash) {
        slash[slash == folder] = '\0';
    }
    int descriptor = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        (void)fsync(descriptor);
        close(descriptor);
    }
    free(folder);
}

/* ---- files that appear together ---- */

typedef struct ph_draft {
    char *path, *temporary; /* temporary is empty once it has become path */
} ph_draft;

static int fill(const char *temporary, int descriptor, const char *path,
                const char *bytes, size_t length, ph_error *error)
{
    mode_t mask = umask(0);
    umask(mask);
    int failed = fchmod(descriptor, 0666 & ~mask) != 0 ||
                 write_all(descriptor, bytes, length) != 0 || fsync(descriptor) != 0;
    int code = errno;
    if (close(descriptor) != 0 && !failed) {
        failed = 1;
        code = errno;
    }
    if (failed) {
        unlink(temporary);
        ph_error_file(error, path);
        return ph_error_set(error, PH_E_WRITE, "cannot be written: %s", strerror(code));
    }
    return PH_OK;
}

int ph_file_is_stream(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && !S_ISREG(about.st_mode) &&
           !S_ISDIR(about.st_mode);
}

/* A pipe or a device has no other name and cannot be synced. */
static int write_stream(const char *path, const char *bytes, size_t length,
                        ph_error *error)
{
    int descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    int failed = descriptor < 0 || write_all(descriptor, bytes, length) != 0;
    int code = errno;
    if (descriptor >= 0 && close(descriptor) != 0 && !failed) {
        failed = 1;
        code = errno;
    }
    if (failed) {
        ph_error_file(error, path);
        return ph_error_set(error, descriptor < 0 ? PH_E_CREATE : PH_E_WRITE,
                            "cannot be written: %s", strerror(code));
    }
    return PH_OK;
}

/* A link stays one: it is the file it leads to that is written. */
static char *find_file(const char *path)
{
    struct stat about;
    char *file = lstat(path, &about) == 0 && S_ISLNK(about.st_mode)
                     ? realpath(path, NULL)
                     : NULL;
    return file ? file : ph_strdup(path);
}

/* The bytes as they are, under a temporary name or down a stream. */
static int add_file(ph_files *self, const char *name, const char *bytes, size_t length,
                    ph_error *error)
{
    if (ph_file_is_stream(name)) {
        return write_stream(name, bytes, length, error);
    }
    char *path = find_file(name);
    size_t room = path ? strlen(path) + 16 : 0;
    ph_draft it = {path, ph_alloc(room, 1)};
    int status = PH_OK, descriptor;
    if (!it.path || !it.temporary ||
        ph_grow(&self->draft, &self->capacity, self->n + 1, sizeof it) != 0) {
        status = ph_error_set(error, PH_E_MEMORY, "out of memory writing %s", name);
        goto out;
    }
    snprintf(it.temporary, room, "%s.XXXXXX", path);
    descriptor = mkstemp(it.temporary);
    if (descriptor < 0) {
        ph_error_file(error, path);
        status =
            ph_error_set(error, PH_E_CREATE, "cannot be created: %s", strerror(errno));
        goto out;
    }
    status = fill(it.temporary, descriptor, path, bytes, length, error);
    if (status == PH_OK) {
        self->draft[self->n++] = it;
        return PH_OK;
    }
out:
    free(it.path);
    free(it.temporary);
    return status;
}

int ph_files_add(ph_files *self, const char *name, const char *bytes, size_t length,
                 ph_error *error)
{
    if (!is_packed(name)) {
        return add_file(self, name, bytes, length, error);
    }
    ph_buffer packed = {0};
    int status = deflate_all(bytes, length, &packed);
    status = status == PH_OK
                 ? add_file(self, name, packed.text, packed.length, error)
                 : ph_error_set(error, status, "out of memory writing %s", name);
    ph_buffer_free(&packed);
    return status;
}

/*
 * Gives a file its name unless there is one of that name. A link cannot take the place
 * of what has come to be there; file systems without links (FAT, some of networks) have
 * the name reserved by an empty file, over which the file is renamed.
 */
static int name_once(const char *temporary, const char *path)
{
    if (link(temporary, path) == 0) {
        return 0;
    }
    if (errno != EPERM && errno != ENOTSUP && errno != ENOSYS && errno != EMLINK) {
        return -1;
    }
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return descriptor < 0 || close(descriptor) != 0 ? -1 : rename(temporary, path);
}

static int publish(const ph_draft *it, int force, ph_error *error)
{
    if (force ? rename(it->temporary, it->path) != 0
              : name_once(it->temporary, it->path) != 0) {
        int code = errno;
        ph_error_file(error, it->path);
        return ph_error_set(error, PH_E_CREATE, "%s%s",
                            code == EEXIST ? "exists already; --force overwrites it"
                                           : "cannot be created: ",
                            code == EEXIST ? "" : strerror(code));
    }
    return PH_OK;
}

/* Back to the temporary name; between two links to one file rename does nothing. */
static void withdraw(const ph_draft *it)
{
    if (rename(it->path, it->temporary) == 0) {
        unlink(it->path);
    }
}

/* New names are either all kept, and the temporary ones go, or the other way round. */
int ph_files_publish(ph_files *self, int force, ph_error *error)
{
    int status = PH_OK;
    size_t done = 0;
    while (done < self->n && status == PH_OK) {
        status = publish(&self->draft[done], force, error);
        done += status == PH_OK;
    }
    for (size_t k = 0; k < done; k++) {
        ph_draft *it = &self->draft[k];
        if (status == PH_OK) {
            unlink(it->temporary); /* the other link, where there are two */
            sync_folder(it->path);
        } else if (!force) {
            withdraw(it);
        }
        if (status == PH_OK || force) {
            it->temporary[0] = '\0';
        }
    }
    return status;
}

void ph_files_keep(ph_files *self, ph_buffer *names)
{
    for (size_t i = 0; i < self->n; i++) {
        char *name = self->draft[i].temporary;
        if (name[0]) {
            ph_buffer_add(names, names->length > 0 ? ", " : "");
            ph_buffer_add(names, name);
            name[0] = '\0';
        }
    }
}

void ph_files_free(ph_files *self)
{
    for (size_t i = 0; i < self->n; i++) {
        if (self->draft[i].temporary[0]) {
            unlink(self->draft[i].temporary);
        }
        free(self->draft[i].path);
        free(self->draft[i].temporary);
    }
    free(self->draft);
    memset(self, 0, sizeof *self);
}

int ph_file_write(const char *path, const char *bytes, size_t length, int force,
                  ph_error *error)
{
    ph_files one = {0};
    int status = ph_files_add(&one, path, bytes, length, error);
    if (status == PH_OK) {
        status = ph_files_publish(&one, force, error);
    }
    ph_files_free(&one);
    return status;
}
