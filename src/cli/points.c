/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The points at which a distribution is asked for: --at, --grid, --at-file. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "phasic/base/file.h"
#include "phasic/base/memory.h"

#define MOST_POINTS 100000000.0

typedef struct point_list {
    double *value;
    size_t length, capacity;
} point_list;

static int add_point(point_list *self, double value, ph_error *error)
{
    if (ph_grow(&self->value, &self->capacity, self->length + 1, sizeof value) != 0) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    self->value[self->length++] = value + 0.0; /* -0 is 0 */
    return PH_OK;
}

/* One number with blanks around it; a time: finite and at least 0. */
static int add_text(point_list *self, const char *text, size_t length,
                    int status_if_bad, ph_error *error)
{
    while (length > 0 && strchr(" \t\r", text[length - 1])) {
        length--;
    }
    while (length > 0 && strchr(" \t", text[0])) {
        text++;
        length--;
    }
    double value;
    if (ph_double_read(text, length, &value) != PH_OK || value < 0) {
        ph_error_found(error, text, (long)length);
        return ph_error_set(error, status_if_bad,
                            status_if_bad == PH_E_USAGE
                                ? "expects numbers of at least 0, divided by commas"
                                : "expects a number of at least 0 on each line");
    }
    return add_point(self, value, error);
}

static int read_list(point_list *self, const char *text, ph_error *error)
{
    for (;;) {
        size_t length = strcspn(text, ",");
        int status = add_text(self, text, length, PH_E_USAGE, error);
        if (status != PH_OK || text[length] == '\0') {
            return status;
        }
        text += length + 1;
    }
}

/* The three numbers of FROM:TO:COUNT. */
static int read_triple(const char *text, double triple[3])
{
    for (int k = 0; k < 3; k++) {
        size_t length = strcspn(text, ":");
        if (ph_double_read(text, length, &triple[k]) != PH_OK ||
            (text[length] == ':') != (k < 2)) {
            return 0;
        }
        text += length + (k < 2);
    }
    return 1;
}

static int read_grid(point_list *self, const char *text, ph_error *error)
{
    double grid[3];
    if (!read_triple(text, grid) || grid[0] < 0 || grid[1] < grid[0] ||
        grid[2] != floor(grid[2]) || grid[2] < 2 || grid[2] > MOST_POINTS) {
        ph_error_found(error, text, -1);
        return ph_error_set(
            error, PH_E_USAGE,
            "expects FROM:TO:COUNT with 0 <= FROM <= TO and a whole COUNT "
            "of at least 2");
    }
    size_t n = (size_t)grid[2];
    for (size_t i = 0; i < n; i++) {
        double share = (double)i / (double)(n - 1);
        double value = i + 1 == n ? grid[1] : grid[0] + share * (grid[1] - grid[0]);
        int status = add_point(self, value, error);
        if (status != PH_OK) {
            return status;
        }
    }
    return PH_OK;
}

/* One number a line; blank lines are passed over. */
static int read_file(point_list *self, const char *path, ph_error *error)
{
    char *bytes = NULL;
    size_t length = 0;
    int status = ph_file_read(path, &bytes, &length, error);
    long line = 1;
    for (size_t i = 0; status == PH_OK && i < length; line++) {
        const char *end = memchr(bytes + i, '\n', length - i);
        size_t n = end ? (size_t)(end - bytes) - i : length - i;
        if (strspn(bytes + i, " \t\r") < n) {
            status = add_text(self, bytes + i, n, PH_E_DATA, error);
        }
        if (status != PH_OK) {
            ph_error_position(error, line, 0);
        }
        i += n + 1;
    }
    if (status == PH_OK && self->length == 0) {
        status = ph_error_set(error, PH_E_DATA, "holds no points");
    }
    if (status != PH_OK) {
        ph_error_file(error, strcmp(path, "-") == 0 ? "standard input" : path);
    }
    free(bytes);
    return status;
}

static int finish(point_list *list, int status, double **points, size_t *n)
{
    if (status != PH_OK) {
        free(list->value);
        return status;
    }
    *points = list->value;
    *n = list->length;
    return PH_OK;
}

int ph_points_list(const char *text, double **points, size_t *n, ph_error *error)
{
    point_list list = {0};
    return finish(&list, read_list(&list, text, error), points, n);
}

int ph_points_check(size_t n, const double *points, int discrete, ph_error *error)
{
    for (size_t i = 0; discrete && i < n; i++) {
        if (points[i] != floor(points[i])) {
            char text[32];
            ph_error_found(error, ph_double_text(points[i], text), -1);
            return ph_error_set(
                error, PH_E_USAGE,
                "a model in discrete time takes whole numbers of steps");
        }
    }
    return PH_OK;
}

const char *ph_points_option(const ph_app *app)
{
    return ph_options_text(&app->options, "at")     ? "at"
           : ph_options_text(&app->options, "grid") ? "grid"
                                                    : "at-file";
}

int ph_points_read(ph_app *app, double **points, size_t *n)
{
    const char *at = ph_options_text(&app->options, "at");
    const char *grid = ph_options_text(&app->options, "grid");
    const char *file = ph_options_text(&app->options, "at-file");
    if ((at != NULL) + (grid != NULL) + (file != NULL) != 1) {
        return ph_error_set(&app->error, PH_E_USAGE,
                            "expects the points as one of --at, --grid and --at-file");
    }
    point_list list = {0};
    int status = at     ? read_list(&list, at, &app->error)
                 : grid ? read_grid(&list, grid, &app->error)
                        : read_file(&list, file, &app->error);
    if (status != PH_OK && !file) {
        ph_error_place(&app->error, "--%s", ph_points_option(app));
    }
    return finish(&list, status, points, n);
}
