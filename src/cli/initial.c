/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The particles that --init FILE gives. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"
#include "phasic/data/numbers.h"
#include "svgd_options.h"

const char *ph_initial_file(const ph_app *app)
{
    const char *text = ph_options_text(&app->options, "init");
    int word = text && (strcmp(text, "laplace") == 0 || strcmp(text, "prior") == 0);
    return word ? NULL : text;
}

int ph_initial_check(ph_app *app, const char *output)
{
    struct stat one, other;
    const char *path = ph_initial_file(app);
    if (path && stat(path, &one) == 0 && stat(output, &other) == 0 &&
        one.st_dev == other.st_dev && one.st_ino == other.st_ino) {
        ph_error_file(&app->error, output);
        return ph_error_set(&app->error, PH_E_CREATE, "is the file of --init");
    }
    return PH_OK;
}

/* The free parameter that a column names, or -1 with an error. */
static long find_free(const ph_posterior *posterior, const char *name, ph_error *error)
{
    const ph_model *model = ph_posterior_model(posterior);
    for (size_t k = 0; k < ph_posterior_free_count(posterior); k++) {
        size_t m = ph_posterior_free_index(posterior, k);
        if (strcmp(model->parameters[m].name, name) == 0) {
            return (long)k;
        }
    }
    int known = ph_model_parameter(model, name) >= 0;
    ph_error_found(error, name, -1);
    (void)ph_error_set(error, PH_E_DATA,
                       known ? "this parameter is fixed or tied, it has no particles"
                             : "the model has no parameter of this name");
    return -1;
}

/* The column of every free parameter. */
static int find_columns(const ph_posterior *posterior, const ph_numbers *table,
                        size_t *column, ph_error *error)
{
    const ph_model *model = ph_posterior_model(posterior);
    size_t d = ph_posterior_free_count(posterior);
    for (size_t k = 0; k < d; k++) {
        column[k] = table->columns;
    }
    for (size_t c = 0; c < table->columns; c++) {
        long k = find_free(posterior, table->name[c], error);
        if (k < 0) {
            ph_error_position(error, 1, (long)c + 1);
            return PH_E_DATA;
        }
        column[k] = c;
    }
    for (size_t k = 0; k < d; k++) {
        if (column[k] == table->columns) {
            size_t m = ph_posterior_free_index(posterior, k);
            ph_error_position(error, 1, 0);
            return ph_error_set(error, PH_E_DATA, "has no column '%s'",
                                model->parameters[m].name);
        }
    }
    return PH_OK;
}

static int to_z(const ph_posterior *posterior, const ph_numbers *table,
                const size_t *column, double *points, ph_error *error)
{
    size_t d = ph_posterior_free_count(posterior);
    for (size_t i = 0; i < table->rows * d; i++) {
        size_t row = i / d, c = column[i % d];
        double theta = table->value[row * table->columns + c];
        if (ph_posterior_z(posterior, i % d, theta, &points[i]) != PH_OK) {
            char text[32];
            ph_error_position(error, table->line[row], (long)c + 1);
            ph_error_place(error, "%s", table->name[c]);
            ph_error_found(error, ph_double_text(theta, text), -1);
            return ph_error_set(error, PH_E_DATA,
                                "lies outside the parameter's support");
        }
    }
    return PH_OK;
}

int ph_initial_read(const ph_app *app, const ph_posterior *posterior, size_t particles,
                    double **points, ph_error *error)
{
    const char *path = ph_initial_file(app);
    if (!path) {
        return PH_OK;
    }
    ph_numbers *table = NULL;
    size_t d = ph_posterior_free_count(posterior);
    size_t *column = ph_alloc(d, sizeof *column);
    double *z = ph_alloc(particles * d, sizeof *z);
    int status = column && z ? ph_numbers_read(&table, path, error)
                             : ph_error_set(error, PH_E_MEMORY, "out of memory");
    if (status == PH_OK && table->rows != particles) {
        status =
            ph_error_set(error, PH_E_DATA, "has %zu particles, and --particles is %zu",
                         table->rows, particles);
    }
    if (status == PH_OK) {
        status = find_columns(posterior, table, column, error);
    }
    if (status == PH_OK) {
        status = to_z(posterior, table, column, z, error);
    }
    if (status == PH_OK) {
        *points = z;
        z = NULL;
    } else if (table) {
        ph_error_file(error, table->file);
    }
    ph_numbers_free(table);
    free(column);
    free(z);
    return status;
}

/* Pairs of particles that agree in free parameter k. */
static size_t count_equal(size_t n, size_t d, const double *points, size_t k)
{
    size_t equal = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            equal += points[i * d + k] == points[j * d + k];
        }
    }
    return equal;
}

int ph_initial_explain(const ph_app *app, const ph_posterior *posterior,
                       size_t particles, const double *points, ph_error *error)
{
    const ph_model *model = ph_posterior_model(posterior);
    size_t d = ph_posterior_free_count(posterior);
    for (size_t k = 0; points && k < d; k++) {
        if (4 * count_equal(particles, d, points, k) >= particles * (particles - 1)) {
            *error = (ph_error){0};
            ph_error_file(error, ph_initial_file(app));
            ph_error_place(
                error, "%s",
                model->parameters[ph_posterior_free_index(posterior, k)].name);
            return ph_error_set(error, PH_E_DATA,
                                "half of the pairs of particles or more coincide, so "
                                "that the kernel has no bandwidth");
        }
    }
    return PH_E_NUMERIC;
}
